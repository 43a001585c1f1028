"""How many bits an event can carry: an upper bound on what it can tell, or be joined by."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from otel_agent_telemetry.contract._contract import events, tags
from otel_agent_telemetry.contract._kinds import (
    ERROR_CATEGORIES,
    Count,
    Enum,
    ErrorCategory,
    Flag,
    ListOf,
    PublicName,
    Ref,
    Tag,
    Usd,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.contract._events import Event
    from otel_agent_telemetry.contract._kinds import Kind

__all__ = ["bits_by_event"]

_COUNT = 53.0  # at most 2^53 - 1
_USD = log2(1e15)  # a thousand million dollars in millionths
_COARSE = log2(90 * 15 + 10)  # two significant digits of at most sixteen
_VERSION = 40.0  # more than any version that is in use needs
_LONGEST_LIST = 32


def bits_by_event(names: Mapping[str, int], *, precision: str = "exact") -> dict[str, float]:
    """The bits of each declared event where all its properties are there; ``names``: public names by registry.

    What leaves with a preset alone is not among them.
    """

    def bits(kind: Kind) -> float:
        if isinstance(kind, ListOf):
            return _LONGEST_LIST * bits(kind.item)
        if isinstance(kind, (Count, Usd)) and precision == "coarse":
            return _COARSE
        if isinstance(kind, Enum):
            return log2(len({*kind.values, "other"}))
        if isinstance(kind, Tag):
            return log2(len({value for declared in tags().values() for value in declared.values} | {"other"}))
        if isinstance(kind, PublicName):
            return log2(names.get(kind.registry, 0) + 1)
        return next(number for known, number in _BITS.items() if isinstance(kind, known))

    return {event.name: round(sum(map(bits, _always(event))), 1) for event in events().values()}


def _always(event: Event) -> list[Kind]:
    return [kind for kind in event.properties.values() if kind.preset is None]


_BITS: dict[type[Kind], float] = {
    Flag: 1.0,
    Ref: 64.0,
    Count: _COUNT,
    Usd: _USD,
    Version: _VERSION,
    ErrorCategory: log2(len(ERROR_CATEGORIES)),
}
