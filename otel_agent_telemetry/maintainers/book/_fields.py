"""The properties of an event, each against the kind that the contract gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract._preset_kinds import PRESET_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_agent_telemetry.contract import Event, Kind

    Check = Callable[[object], bool]
    Properties = dict[str, object]

__all__ = ["checked_of", "dropped_of", "plan_of"]

_NAME = re.compile(r"[@~]?[A-Za-z0-9][A-Za-z0-9._:/+-]{0,63}", re.ASCII)


def plan_of(event: Event) -> dict[str, Check]:
    """The check of each property that an event may have."""
    kinds: Mapping[str, Kind] = {**PRESET_KINDS, **contract.tags(), **event.properties}
    return {name: _check(kind.schema()) for name, kind in kinds.items()}


def checked_of(plan: Mapping[str, Check], given: Properties) -> Properties:
    """What is declared and of its kind."""
    return {name: value for name, value in given.items() if (check := plan.get(name)) is not None and check(value)}


def dropped_of(
    plan: Mapping[str, Check], given: Properties, checked: Properties, elsewhere: frozenset[str]
) -> tuple[int, int]:
    """How many properties are not in ``checked`` because nothing declares them, or as they are not of their kind."""
    if len(given) - len(given.keys() & elsewhere) == len(checked):
        return 0, 0
    lost = given.keys() - checked.keys() - elsewhere
    unknown = len(lost - plan.keys())
    return unknown, len(lost) - unknown


def _check(schema: Mapping[str, Any]) -> Check:
    """Whether a value, parsed from JSON, is of a schema such as the kinds of the contract write."""
    if "enum" in schema:
        words = frozenset(cast("list[str]", schema["enum"]))
        return lambda value: isinstance(value, str) and value in words
    match schema["type"]:
        case "boolean":
            return lambda value: isinstance(value, bool)
        case "integer":
            most = schema["maximum"]
            return lambda value: type(value) is int and 0 <= value <= most
        case "number":
            most = schema["maximum"]
            return lambda value: type(value) in {int, float} and 0 <= cast("float", value) <= most
        case "array":
            most, item = schema["maxItems"], _check(schema["items"])
            return lambda value: isinstance(value, list) and len(value) <= most and all(map(item, value))  # pyright: ignore[reportUnknownArgumentType] - each is checked
        case _:
            pattern = re.compile(schema["pattern"][1:-1], re.ASCII) if "pattern" in schema else _NAME
            return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None
