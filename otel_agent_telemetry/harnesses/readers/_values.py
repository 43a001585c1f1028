"""Values of parsed JSON, each None or empty where it is of another type: what programs print is no promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from otel_agent_telemetry.harnesses._told import Told

__all__ = ["Reader", "Table", "error_of", "money", "number", "table", "tables", "text"]

Table = dict[str, Any]

_NAMED = {"rate_limit": "rate_limit", "server_error": "api_error", "authentication_failed": "auth"}


class Reader(Protocol):
    """Reads what one kind of program prints."""

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        ...


def text(within: Table, key: str) -> str | None:
    """Its text under that key."""
    value = within.get(key)
    return value if isinstance(value, str) and value else None


def number(within: Table, key: str) -> int | None:
    """Its whole number under that key."""
    value = within.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def money(within: Table, key: str) -> float | None:
    """Its amount under that key."""
    value = within.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def table(within: Table, key: str) -> Table:
    """Its object under that key."""
    value = within.get(key)
    return cast("Table", value) if isinstance(value, dict) else {}


def tables(within: Table, key: str) -> list[Table]:
    """The objects in its list under that key."""
    value = within.get(key)
    found = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Table", item) for item in found if isinstance(item, dict)]


def error_of(status: int | None, name: str | None = None) -> str:
    """The type of an error from an HTTP status or a code; never from a message."""
    if status is not None:
        return str(status)
    return _NAMED.get(name or "", "provider_error")
