"""What the operator wants to know of everything that is done for a user or a customer: baggage of OpenTelemetry.

Each value is an entry of its own, under a prefix, so that nobody else's baggage becomes an attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry import baggage

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.lifecycle._attributes import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

__all__ = ["PREFIX", "Around", "attributes_around", "baggage_of"]

PREFIX = "agent.context."
_MOST = 32
_BETWEEN_TAGS = ","


class Place(Protocol):
    """Where code runs: what is current there, and how that is changed."""

    def current(self) -> Context:
        """The context that code runs in."""
        ...

    def enter(self, context: Context) -> Context:
        """Make it current; what was current before."""
        ...

    def leave(self, context: Context, previous: Context) -> None:
        """Go back."""
        ...


class Around:
    """A block of code, and what is said of every span that begins in it."""

    __slots__ = ("_context", "_given", "_place", "_previous")

    def __init__(self, place: Place, given: Mapping[str, object]) -> None:
        self._place = place
        self._given = given
        self._context: Context | None = None
        self._previous: Context | None = None

    def __enter__(self) -> None:
        self._context = _with(self._place.current(), self._given)
        self._previous = self._place.enter(self._context)

    def __exit__(self, *error: object) -> None:
        if self._context is not None and self._previous is not None:
            self._place.leave(self._context, self._previous)


def attributes_around(context: Context) -> dict[str, AttributeValue]:
    """The attributes of a span that begins there; empty for nearly all."""
    carried = baggage.get_all(context)
    if not carried:
        return {}
    found: dict[str, AttributeValue] = {}
    for key, value in carried.items():
        if key.startswith(PREFIX) and isinstance(value, str):
            name = key[len(PREFIX) :]
            found[name] = value.split(_BETWEEN_TAGS) if name == names.TAGS else value
    return found


def baggage_of(context: Context) -> Context:
    """A context with our entries alone, for those who carry it to another process."""
    kept = baggage.clear()
    for key, value in baggage.get_all(context).items():
        if key.startswith(PREFIX):
            kept = baggage.set_baggage(key, value, kept)
    return kept


def _with(context: Context, given: Mapping[str, object]) -> Context:
    there = attributes_around(context)
    for name, value in attributes(given.items()).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, list):
            before = there.get(name)
            tags = [*before] if isinstance(before, list) else []
            tags += [str(tag).replace(_BETWEEN_TAGS, " ") for tag in value if tag]
            text = _BETWEEN_TAGS.join({str(tag): None for tag in tags})
        if text and (name in there or len(there) < _MOST):
            there[name] = text
            context = baggage.set_baggage(PREFIX + name, text, context)
    return context
