"""Values that are known by their form alone, and how a body is compared with what it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ABSENT: Any = object()
"""Stands where a key must not be."""

_EXACT = 2**53
_PLAIN = 1e21
"""JavaScript and Go write whole numbers below this without an exponent."""


@dataclass(frozen=True, slots=True)
class Form:
    """Any value that fits; equal to another form of the same words."""

    words: str
    fits: Callable[[Any], bool] = field(compare=False)

    def __repr__(self) -> str:
        return f"<{self.words}>"


def pattern(expression: str, words: str) -> Form:
    """Text of that pattern."""
    return Form(words, lambda value: isinstance(value, str) and bool(re.fullmatch(expression, value)))


def named(prefix: str) -> Form:
    """An id of an installation with that prefix."""
    return pattern(prefix + "[0-9a-f]{16}", f"{prefix} and 16 hex digits")


def between(low: float, high: float, words: str) -> Form:
    """A whole number from ``low`` to ``high``."""
    return Form(f"{words}, {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
        return False
    try:
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return False
    return _CAPTURED <= moment.timestamp() < _CAPTURED_BEFORE


_CAPTURED = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()  # both versions that were run are of 2026
_CAPTURED_BEFORE = datetime(2028, 1, 1, tzinfo=timezone.utc).timestamp()

MOMENT = Form("a moment of the capture to the millisecond", _is_moment)
MOMENT_MS = between(_CAPTURED * 1000, _CAPTURED_BEFORE * 1000, "milliseconds of the capture")
COUNT = between(0, 3_600_000, "a measured duration")
UUID = pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "a random UUID")
SURROGATE = Form(
    "text with half a surrogate pair", lambda v: isinstance(v, str) and bool(re.search("[\ud800-\udfff]", v))
)
REFERENCE = pattern("[0-9a-f]{16}", "16 hex digits")


def without_absent(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that are there."""
    return {key: value for key, value in fields.items() if value is not ABSENT}


def differences(expected: Any, actual: Any, where: str = "") -> Iterator[str]:
    """Each place where a body is not what it should be: keys, their order, types, forms and values."""
    if isinstance(expected, Form):
        if not expected.fits(actual):
            yield f"{where} is {actual!r}, expected {expected}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        yield from _of_objects(cast("dict[str, Any]", expected), cast("dict[str, Any]", actual), where)
    elif isinstance(expected, list) and isinstance(actual, list):
        theirs, ours = cast("list[Any]", expected), cast("list[Any]", actual)
        if len(theirs) != len(ours):
            yield f"{where} has {len(ours)} items, expected {len(theirs)}"
        for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from differences(one, other, f"{where}[{index}]")
    elif not _same(expected, actual):
        yield f"{where} is {actual!r}, expected {expected!r}"


def _of_objects(expected: dict[str, Any], actual: dict[str, Any], where: str) -> Iterator[str]:
    if list(expected) != list(actual):
        yield f"{where} has the keys {list(actual)}, expected {list(expected)}"
    for key in expected.keys() & actual.keys():
        yield from differences(expected[key], actual[key], f"{where}.{key}")


def _same(expected: Any, actual: Any) -> bool:
    if _is_number(expected) and _is_number(actual):
        is_written_whole = float(actual).is_integer() and abs(actual) < _PLAIN
        is_exact = abs(expected) <= _EXACT and expected == actual
        return (type(actual) is int) == is_written_whole and (is_exact or _as_float(expected, actual))
    return type(expected) is type(actual) and expected == actual


def _as_float(expected: float, actual: float) -> bool:
    """Above 2^53 both clients' numbers have gone through a double."""
    return abs(expected) > _EXACT and float(expected) == float(actual)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
