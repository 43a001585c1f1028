"""The language of the search box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read.lists._query import (
    ATTRIBUTE,
    FIGURES,
    NAMES,
    STATUSES,
    QueryError,
    Term,
    parse_query,
    render_query,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SOME_TEXT = TEXTS.filter(bool)


def of(keys: st.SearchStrategy[str], values: st.SearchStrategy[str], *comparisons: str) -> st.SearchStrategy[Term]:
    """Terms with such keys and values."""
    some = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.builds(Term, keys, some, st.sampled_from(comparisons or ("",)), st.booleans())


COUNTS = st.integers(0, 10**12).map(str)
TERMS = st.one_of(
    of(st.sampled_from([*NAMES, "name"]), SOME_TEXT),
    of(st.just("text"), TEXTS),
    of(st.just("status"), st.sampled_from(STATUSES)),
    of(st.sampled_from([key for key in FIGURES if key != "dur"]), COUNTS, ">", ">=", "<", "<="),
    of(st.just("dur"), st.integers(0, 10**6).map("{}ms".format), ">", ">=", "<", "<="),
    of(st.sampled_from(["since", "until"]), st.sampled_from(["2h", "2026-11-21T09:00", "2026-11-21"])),
    of(SOME_TEXT.map(ATTRIBUTE.__add__), TEXTS),
)


@given(st.lists(TERMS, max_size=6).map(tuple))
def test_what_is_rendered_is_read_as_the_same(query: tuple[Term, ...]) -> None:
    """A query that is written out and read again is the same query."""
    assert parse_query(render_query(query)) == query


@given(st.text(max_size=40) | st.text('model:tx"<>=,- \\attr.\n', max_size=30))
def test_any_text_is_a_query_or_says_why_not(text: str) -> None:
    """Whatever is typed is read, or refused at a place inside it; what is read has one written form."""
    try:
        query = parse_query(text)
    except QueryError as error:
        position, query = error.position, ()
    else:
        position = 0
    assert 0 <= position <= len(text)
    assert parse_query(render_query(query)) == query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("refund", (Term("text", ("refund",)),)),
        ('"two words" -x', (Term("text", ("two words",)), Term("text", ("x",), negated=True))),
        ("error", (Term("status", ("error",)),)),
        ('"error"', (Term("text", ("error",)),)),
        ("Model:gpt-5,o3*", (Term("model", ("gpt-5", "o3*")),)),
        ("dur:>=2s cost:<0.01", (Term("dur", ("2s",), ">="), Term("cost", ("0.01",), "<"))),
        ("attr.http.route:/x,/y", (Term("attr.http.route", ("/x", "/y")),)),
        ("url=http://x?a=b", (Term("attr.url", ("http://x?a=b",)),)),
        ('-"odd key"=""', (Term("attr.odd key", ("",), negated=True),)),
        ("since:2026-11-21T09:00", (Term("since", ("2026-11-21T09:00",)),)),
    ],
)
def test_queries_are_read(text: str, expected: tuple[Term, ...]) -> None:
    """Words, texts, keys, comparisons, alternatives, attributes and what is turned round."""
    assert parse_query(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modle:x", "character 1: there is no key 'modle'; did you mean model:?"),
        ("a model:", "character 9: expected a value after 'model'"),
        ("dur:2s", "character 5: expected one of > >= < <= here, as in dur:>2s"),
        ("model:>2", "character 8: expected none of > >= < <= here, as in model:value"),
        ("dur:>2", "character 6: '2' is not a duration"),
        ("cost:>much", "character 7: 'much' is not a number; expected one such as 0.01 or 10k"),
        ("status:bad", "character 8: 'bad' is no status; expected one of ok, error, cancelled"),
        ('x "open', "character 3: these quotes are not closed"),
        ('"a"b', "character 4: expected a space between two terms, not 'b'"),
        ("a OR b", "character 3: there is no OR"),
        ("since:yesterday", "character 7: 'yesterday' is not a time"),
        ("-", "character 2: expected a word"),
        ("x " * 51, "character 101: there are more than 50 terms"),
        ("x" * 5000, "longer than 4000 characters"),
        ("a \ud800", "character 3: this character is none that a text can hold"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, says: str) -> None:
    """The message has the place, what stands there and what was expected; it is an error like that of any option."""
    with pytest.raises(InputError) as refused:
        parse_query(text)
    assert says in str(refused.value)
