r"""The language of the search box and of ``traces --query``: ``model:gpt-5 dur:>2s -error http.route=/x "refund"``.

Terms stand side by side and all have to hold. A term is a word or a ``"quoted text"``, which is looked for anywhere;
``key:value``; or ``attribute=value``. Values with commas between them are alternatives; ``-`` before a term turns it
round; ``>``, ``>=``, ``<`` and ``<=`` compare figures. In a quoted text ``\"`` and ``\\`` stand for themselves.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import parse_duration_ns, parse_moment_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ATTRIBUTE",
    "FIGURES",
    "KEYS",
    "NAMES",
    "STATUSES",
    "Query",
    "QueryError",
    "Term",
    "figure",
    "parse_query",
    "render_query",
]

ATTRIBUTE = "attr."
"""What stands before an attribute's name in :attr:`Term.key`."""
NAMES = ("model", "tool", "agent", "service", "session", "user", "kind")
FIGURES = ("dur", "cost", "tokens", "spans", "calls", "errors")
STATUSES = ("ok", "error", "cancelled")
KEYS = {
    "model": "gpt-5 or gpt-5*",
    "tool": "a tool that was called",
    "agent": "an agent that took part",
    "service": "a service that took part",
    "session": "a session's id",
    "user": "whom it worked for",
    "kind": "retrieval, guardrail, …",
    "status": "ok, error or cancelled",
    "name": "what the trace's name contains",
    "text": "what any span contains",
    "dur": ">2s",
    "cost": ">0.01",
    "tokens": ">1000",
    "spans": ">100",
    "calls": ">5",
    "errors": ">0",
    "since": "2h, or a time",
    "until": "1h, or a time",
    ATTRIBUTE: "name:value of a span's attribute",
}
"""Every key, and what may stand after it."""

_COMPARISONS = (">=", "<=", ">", "<")
_NUMBER = re.compile(r"\$?(\d{1,15}(?:\.\d{1,9})?)([kM]?)")
_SCALES = {"": 1, "k": 1000, "M": 10**6}
_KEY = re.compile(r'[^\s":=,<>]+')
_BARE = re.compile(r'[^\s",]+')
_WORD = re.compile(r'[^\s"]+')
_SAFE_VALUE = re.compile(r'[^\s",<>=]+')
_SAFE_ATTRIBUTE = re.compile(r'[^\s":=,<>\-][^\s":=,<>]*')
_SAFE_WORD = re.compile(r'[^\s",:=\-][^\s",:=]*')
_CONNECTIVES = ("AND", "OR", "NOT")
_LONGEST, _MOST_TERMS, _MOST_VALUES = 4000, 50, 50


class QueryError(InputError):
    """A query that cannot be read; ``position`` is the index of the character where it ends to make sense."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(f"query, character {position + 1}: {problem}")
        self.position, self.problem = position, problem


class Term(NamedTuple):
    """One condition: one of ``values`` holds for ``key``, or none does where it is ``negated``.

    ``key`` is one of :data:`KEYS`, or ``attr.`` and an attribute's name. ``comparison`` stands before a figure.
    """

    key: str
    values: tuple[str, ...]
    comparison: str = ""
    negated: bool = False


Query = tuple[Term, ...]
"""All of these have to hold."""


def parse_query(text: str) -> Query:
    """The terms of a query. Raises :class:`QueryError`."""
    if len(text) > _LONGEST:
        raise QueryError(_LONGEST, f"the query is longer than {_LONGEST} characters")
    broken = re.search("[\0\ud800-\udfff]", text)
    if broken is not None:
        raise QueryError(broken.start(), "this character is none that a text can hold")
    reader = _Reader(text)
    terms: list[Term] = []
    while not reader.is_at_end():
        if len(terms) == _MOST_TERMS:
            raise QueryError(reader.position, f"there are more than {_MOST_TERMS} terms")
        terms.append(reader.term())
    return tuple(terms)


def render_query(query: Iterable[Term]) -> str:
    """The text that :func:`parse_query` reads as this query."""
    return " ".join(map(_rendered, query))


def figure(key: str, text: str) -> float:
    """What a value of one of :data:`FIGURES` stands for: nanoseconds, US dollars or a count. Raises InputError."""
    if key == "dur":
        return parse_duration_ns(text)
    match = _NUMBER.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not a number; expected one such as {KEYS[key].lstrip('>')} or 10k"
        raise InputError(msg)
    return float(match[1]) * _SCALES[match[2]]


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0

    def is_at_end(self) -> bool:
        """Whether only white space is left; it is passed over."""
        while self.position < len(self._text) and self._text[self.position].isspace():
            self.position += 1
        return self.position == len(self._text)

    def term(self) -> Term:
        negated = self._took("-")
        found = self._unsigned()
        left = self._text[self.position : self.position + 1]
        if left and not left.isspace():
            raise QueryError(self.position, f"expected a space between two terms, not {left!r}")
        return found._replace(negated=negated)

    def _unsigned(self) -> Term:
        began = self.position
        if self._text[began : began + 1] == '"':
            name = self._quoted()
            if self._took("="):
                return self._attribute(name, began)
            return Term("text", self._values(name))
        key = self._match(_KEY)
        if key and self._took(":"):
            return self._keyed(key, began)
        if key and self._took("="):
            return self._attribute(key, began)
        self.position = began
        return self._word()

    def _word(self) -> Term:
        began = self.position
        word = self._match(_WORD)
        if not word:
            raise QueryError(began, "expected a word, a \"text\" or key:value after '-'")
        if word in _CONNECTIVES:
            msg = f"there is no {word}: terms side by side all have to hold, model:a,b is either, -model:a is neither"
            raise QueryError(began, msg)
        if word[0] in ":=":
            raise QueryError(
                began, f'expected a key before {word[0]!r}; put it in quotes to look for the text: "{word}"'
            )
        return Term("status", ("error",)) if word == "error" else Term("text", (word,))

    def _keyed(self, given: str, began: int) -> Term:
        if given.startswith(ATTRIBUTE) and len(given) > len(ATTRIBUTE):
            return self._attribute(given.removeprefix(ATTRIBUTE), began)
        key = given.lower()
        if key not in KEYS or key == ATTRIBUTE:
            raise QueryError(began, _unknown(given))
        comparison = next((each for each in _COMPARISONS if self._took(each)), "")
        if bool(comparison) != (key in FIGURES):
            example = f"{key}:{KEYS[key]}" if key in FIGURES else f"{key}:value"
            raise QueryError(
                self.position, f"expected {'one' if comparison == '' else 'none'} of > >= < <= here, as in {example}"
            )
        at = self.position
        values = self._values(self._value(given))
        for value in values:
            try:
                _check(key, value)
            except InputError as error:
                raise QueryError(at, str(error)) from error
        return Term(key, values, comparison)

    def _attribute(self, name: str, began: int) -> Term:
        if not name:
            raise QueryError(began, "expected an attribute's name before '='")
        return Term(ATTRIBUTE + name, self._values(self._value(name)))

    def _values(self, first: str) -> tuple[str, ...]:
        found = [first]
        while self._took(","):
            if len(found) == _MOST_VALUES:
                raise QueryError(self.position, f"there are more than {_MOST_VALUES} values")
            found.append(self._value(","))
        return tuple(found)

    def _value(self, after: str) -> str:
        if self._text[self.position : self.position + 1] == '"':
            return self._quoted()
        found = self._match(_BARE)
        if not found:
            raise QueryError(self.position, f"expected a value after {after!r}; in quotes where it has spaces")
        return found

    def _quoted(self) -> str:
        began = self.position
        self.position += 1
        said: list[str] = []
        while self.position < len(self._text):
            char = self._text[self.position]
            if char == '"':
                self.position += 1
                return "".join(said)
            if char == "\\" and self._text[self.position + 1 : self.position + 2] in {'"', "\\"}:
                self.position += 1
            said.append(self._text[self.position])
            self.position += 1
        raise QueryError(began, 'these quotes are not closed; expected another " after the text')

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def _took(self, token: str) -> bool:
        is_there = self._text.startswith(token, self.position)
        self.position += len(token) * is_there
        return is_there


def _check(key: str, value: str) -> None:
    """Raise InputError where a key cannot have that value."""
    if key in FIGURES:
        figure(key, value)
    elif key in {"since", "until"}:
        parse_moment_ns(value, 0)
    elif key == "status" and value not in STATUSES:
        msg = f"{value!r} is no status; expected one of {', '.join(STATUSES)}"
        raise InputError(msg)
    elif not value and key != "text":
        msg = f"expected something between the quotes after {key}:"
        raise InputError(msg)


def _unknown(given: str) -> str:
    known = [key for key in KEYS if key != ATTRIBUTE]
    near = get_close_matches(given.lower(), known, 1)
    meant = f"did you mean {near[0]}:? " if near else ""
    return f"there is no key {given[:40]!r}; {meant}expected one of {', '.join(known)}, attr.NAME; or put it in quotes"


def _rendered(term: Term) -> str:
    sign = "-" if term.negated else ""
    if term.key.startswith(ATTRIBUTE):
        name = term.key.removeprefix(ATTRIBUTE)
        shown = name if _SAFE_ATTRIBUTE.fullmatch(name) else _quoted(name)
        return f"{sign}{shown}={_values(term.values)}"
    if term.key == "text":
        return sign + _text(term.values)
    return f"{sign}{term.key}:{term.comparison}{_values(term.values)}"


def _text(values: tuple[str, ...]) -> str:
    is_word = len(values) == 1 and _SAFE_WORD.fullmatch(values[0]) and values[0] not in (*_CONNECTIVES, "error")
    return values[0] if is_word else ",".join(map(_quoted, values))


def _values(values: tuple[str, ...]) -> str:
    return ",".join(value if _SAFE_VALUE.fullmatch(value) else _quoted(value) for value in values)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
