"""The kinds of property that an event may have. There is no kind for free text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

ERROR_CATEGORIES = (
    "rate_limit",
    "api_error",
    "context_overflow",
    "timeout",
    "auth",
    "cancelled",
    "validation",
    "tool_error",
    "provider_error",
    "internal",
    "unknown",
)

_LARGEST_COUNT = 2**53 - 1  # the largest integer that every JSON reader keeps exact
_LARGEST_USD = 1e9
_LONGEST_LIST = 32
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
"""What a product may declare as the value of a tag."""
_VERSION = re.compile(r"v?\d{1,4}(\.\d{1,4}){1,2}([-.]?(a|b|rc|alpha|beta|dev|pre|post)[.-]?\d{0,3})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a property may hold; ``why`` says why it is collected, ``docker`` names it in the docker dialect.

    With ``preset`` it leaves only where that preset is chosen.
    """

    why: str = ""
    docker: str | None = None
    preset: str | None = None

    @property
    def label(self) -> str:
        """The kind as TELEMETRY.md shows it."""
        return type(self).__name__

    def check(self, value: object) -> object | None:
        """The value in this kind's range, or None where it has the wrong type. Text is never turned into a number."""
        raise NotImplementedError  # every kind below has its own

    def schema(self) -> dict[str, object]:
        """JSON Schema of the value on the wire."""
        raise NotImplementedError  # every kind below has its own


@dataclass(frozen=True, slots=True)
class Enum(Kind):
    """One of ``values``; any other text becomes ``"other"``."""

    values: tuple[str, ...]

    def check(self, value: object) -> object | None:
        if not isinstance(value, str):
            return None
        return value if value in self.values else "other"

    def schema(self) -> dict[str, object]:
        return {"enum": [*dict.fromkeys((*self.values, "other"))]}


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """True or false."""

    def check(self, value: object) -> object | None:
        return value if isinstance(value, bool) else None

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Count(Kind):
    """An integer from 0 to 2^53 - 1; numbers outside are clamped."""

    def check(self, value: object) -> object | None:
        return _whole(value)

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": 0, "maximum": _LARGEST_COUNT}


@dataclass(frozen=True, slots=True)
class Milliseconds(Count):
    """A duration in whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Usd(Kind):
    """US dollars, rounded to a millionth."""

    def check(self, value: object) -> object | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        if isinstance(value, float) and not isfinite(value):
            return None
        amount = round(min(max(value, 0), _LARGEST_USD), 6)
        return int(amount) if amount == int(amount) else amount

    def schema(self) -> dict[str, object]:
        return {"type": "number", "minimum": 0, "maximum": _LARGEST_USD}


@dataclass(frozen=True, slots=True)
class Ref(Kind):
    """A keyed hash, 16 hex digits, of an identifier in ``namespace``: joins events of one installation, no more."""

    namespace: str

    def check(self, value: object) -> object | None:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return None
        try:
            return str(value) or None
        except ValueError:  # a number of more digits than Python writes out is no identifier
            return None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": "^[0-9a-f]{16}$"}


@dataclass(frozen=True, slots=True)
class PublicName(Kind):
    """A name that ``registry`` (``models``, ``tools``, ``agents``, ``commands``) knows as public, else ``"custom"``."""

    registry: str

    def check(self, value: object) -> object | None:
        return value if isinstance(value, str) and value else None

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "maxLength": 64,
            "description": f"a name of the registry {self.registry!r}, or custom",
        }


@dataclass(frozen=True, slots=True)
class Tag(Kind):
    """A value of a tag that the product declared with :func:`contract.tag`, else ``"other"``."""

    def check(self, value: object) -> object | None:
        if not isinstance(value, str):
            return None
        return value if WORD.fullmatch(value) else "other"

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{WORD.pattern}$"}


@dataclass(frozen=True, slots=True)
class Version(Kind):
    """A version number of two or three parts with an optional pre-release mark, else left out."""

    def check(self, value: object) -> object | None:
        return value if isinstance(value, str) and _VERSION.fullmatch(value) else None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{_VERSION.pattern}$"}


@dataclass(frozen=True, slots=True)
class ErrorCategory(Kind):
    """One of ``ERROR_CATEGORIES``, taken from exception types and ``error.type``, never from a message."""

    def check(self, value: object) -> object | None:
        if not isinstance(value, str):
            return None
        return value if value in ERROR_CATEGORIES else "unknown"

    def schema(self) -> dict[str, object]:
        return {"enum": [*ERROR_CATEGORIES]}


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """At most 32 values of one kind."""

    item: Kind

    @property
    def label(self) -> str:
        return f"ListOf({self.item.label})"

    def check(self, value: object) -> object | None:
        if not isinstance(value, (list, tuple)):
            return None
        items: list[object] = list(value[:_LONGEST_LIST])  # pyright: ignore[reportUnknownArgumentType] - elements are checked one by one
        checked = (self.item.check(item) for item in items)
        return [item for item in checked if item is not None]

    def schema(self) -> dict[str, object]:
        return {"type": "array", "maxItems": _LONGEST_LIST, "items": self.item.schema()}


def coarse(value: object) -> object:
    """A number with two significant digits, anything else as it is: what can no longer be found in another's log."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value == 0:
        return value
    rounded = float(f"{value:.1e}")
    return int(rounded) if isinstance(value, int) or rounded == int(rounded) else rounded


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return min(max(int(value), 0), _LARGEST_COUNT)
