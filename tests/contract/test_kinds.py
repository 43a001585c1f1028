from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract import (
    ERROR_CATEGORIES,
    Count,
    Enum,
    ErrorCategory,
    Flag,
    Kind,
    ListOf,
    Milliseconds,
    PublicName,
    Ref,
    Usd,
    Version,
)
from otel_agent_telemetry.meaning._records import Fact
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.registries import Registries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.contract import Event

LARGEST = 2**53 - 1
PLAIN = (
    Enum(("slack", "api")),
    Flag(),
    Count(),
    Milliseconds(),
    Usd(),
    Version(),
    ErrorCategory(),
    ListOf(Count()),
    ListOf(ListOf(Enum(("slack",)))),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.decimals()
    | st.fractions()
    | st.complex_numbers()
    | st.dates()
    | st.sampled_from([*ERROR_CATEGORIES, "slack", "other", "1.2.3", "v1.2-rc.1", "gpt-5.2", "web_search"])
    | st.from_regex(r"\A\d{1,5}(\.\d{1,6}){1,2}\Z")
)
UNHURRIED = settings(deadline=None, max_examples=40)
VALUES: st.SearchStrategy[object] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=40) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.sets(st.text())
    ),
    max_leaves=40,
)


def is_valid(kind: Kind, value: Any) -> bool:
    """Whether the kind's JSON Schema takes a value."""
    return Draft202012Validator(kind.schema()).is_valid(value)  # pyright: ignore[reportUnknownMemberType] - untyped


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.label)
@UNHURRIED
@given(value=VALUES)
@example(value=True)
@example(value=-0.0)
@example(value="\ud800")
@example(value="1.2\n")
@example(value=list(range(40)))
def test_whatever_is_given(kind: Kind, value: object) -> None:
    """Of any Python value a kind makes nothing, or what its JSON Schema takes."""
    checked = kind.check(value)
    assert checked is None or is_valid(kind, checked)


@pytest.fixture(scope="module")
def named() -> Iterator[Event]:
    """An event with every kind that is more than a check of the value."""
    kinds: dict[str, Any] = {"ref": Ref("task"), "tool": PublicName("tools"), "model": PublicName("models")}
    yield contract.event("kind.tested", **kinds, refs=ListOf(Ref("task")), tools=ListOf(PublicName("tools")))
    contract.withdraw("kind.tested")


@UNHURRIED
@given(value=VALUES)
@example(value="\ud800")
@example(value=10**5000)
def test_whatever_is_given_as_a_name(named: Event, value: object) -> None:
    """Of any Python value a reference or a public name is left out, or what the kind's JSON Schema takes."""
    anonymiser = Anonymiser(b"k" * 32, Registries(tools=frozenset({"web_search"})))
    clean = anonymiser.clean(Fact(named.name, dict.fromkeys(named.properties, value), 0))
    assert clean is not None
    assert [name for name, kept in clean.properties.items() if not is_valid(named.properties[name], kept)] == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (3, 3),
        (-1, 0),
        (2.9, 2),
        (-0.5, 0),
        (LARGEST + 1, LARGEST),
        (10**400, LARGEST),
        (1e308, LARGEST),
        (True, None),
        ("3", None),
        (b"3", None),
        (nan, None),
        (inf, None),
        (Decimal(3), None),
        (Fraction(3), None),
        (3j, None),
        ([3], None),
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", [Count(), Milliseconds()])
def test_counts(kind: Kind, value: object, expected: object) -> None:
    """A count is a whole number from 0 to 2^53 - 1: numbers are clamped, text is never read as one."""
    checked = kind.check(value)
    assert (checked, type(checked)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0130004, 0.013),
        (0.1234567, 0.123457),
        (1e-9, 0),
        (2.0, 2),
        (-1.5, 0),
        (-0.0, 0),
        (7, 7),
        (1e300, 10**9),
        (10**400, 10**9),
        (True, None),
        ("0.5", None),
        (nan, None),
        (-inf, None),
        (Decimal("0.5"), None),
    ],
    ids=repr,
)
def test_dollars(value: object, expected: object) -> None:
    """Dollars are rounded to a millionth, from 0 to a thousand million; whole amounts are written as such."""
    checked = Usd().check(value)
    assert (checked, type(checked)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Enum(("slack", "api")), "slack", "slack"),
        (Enum(("slack", "api")), "Slack", "other"),
        (Enum(("slack", "api")), "a secret", "other"),
        (Enum(("slack", "api")), "", "other"),
        (Enum(("slack", "api")), None, None),
        (Enum(("1", "api")), 1, None),
        (Flag(), True, True),
        (Flag(), False, False),
        (Flag(), 1, None),
        (Flag(), "true", None),
        (ErrorCategory(), "timeout", "timeout"),
        (ErrorCategory(), "a message", "unknown"),
        (ErrorCategory(), TimeoutError(), None),
        (Ref("task"), "task-1", "task-1"),
        (Ref("task"), 17, "17"),
        (Ref("task"), "", None),
        (Ref("task"), True, None),
        (Ref("task"), 1.5, None),
        (PublicName("tools"), "", None),
        (PublicName("tools"), 5, None),
        (ListOf(Count()), [1, "2", -3], [1, 0]),
        (ListOf(Count()), (1, 2), [1, 2]),
        (ListOf(Count()), "12", None),
        (ListOf(Count()), {1: 2}, None),
        (ListOf(Count()), [], []),
    ],
    ids=repr,
)
def test_words_and_lists(kind: Kind, value: object, expected: object) -> None:
    """Words are closed, flags are flags, and what is of another type is nothing."""
    assert kind.check(value) == expected


def test_a_long_list() -> None:
    """A list has at most 32 values."""
    assert ListOf(Count()).check([1] * 1000) == [1] * 32


@pytest.mark.parametrize("version", ["2.3", "2.3.0", "v1.2.3", "2026.11.21", "1.0rc1", "1.0.0-beta.2", "1.0.0.dev12"])
def test_versions(version: str) -> None:
    """A version has two or three numbers and perhaps a pre-release mark."""
    assert Version().check(version) == version


@pytest.mark.parametrize(
    "version",
    [
        "",
        "2",
        "1.2.3.4",
        "2.3.0+customer",
        "2.3.0-customer",
        "feature/secret",
        "1.2.3\n",
        "\u0661.\u0662",
        "1.2.3456789",
        2.3,
        None,
    ],
)
def test_what_is_no_version(version: Any) -> None:
    """Anything else is no version: a branch, a local part, digits of another script."""
    assert Version().check(version) is None


@pytest.mark.parametrize(
    ("kind", "label"),
    [(Count(), "Count"), (ListOf(Enum(("a",))), "ListOf(Enum)"), (ListOf(ListOf(Flag())), "ListOf(ListOf(Flag))")],
)
def test_labels(kind: Kind, label: str) -> None:
    """A kind is shown by its name."""
    assert kind.label == label


def test_a_fact_is_only_read() -> None:
    """Cleaning a fact leaves it as it was."""
    properties = {"sessionsProcessed": -1, "path": "secret"}
    Anonymiser(b"k" * 32, Registries()).clean(Fact("server.shutdown", properties, 0))
    assert properties == {"sessionsProcessed": -1, "path": "secret"}
