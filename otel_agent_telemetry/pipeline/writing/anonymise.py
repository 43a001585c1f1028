"""Facts in, clean events out: declared properties of the right kind are copied in, and nothing else.

Nothing is stripped from a fact; what the contract does not name is never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses, contract
from otel_agent_telemetry.contract._kinds import ListOf, PublicName, Ref, Tag, coarse
from otel_agent_telemetry.contract._reference import reference

if TYPE_CHECKING:
    from otel_agent_telemetry.contract._events import Event
    from otel_agent_telemetry.contract._kinds import Kind
    from otel_agent_telemetry.meaning._records import Fact
    from otel_agent_telemetry.pipeline.writing.registries import Registries

__all__ = ["Anonymiser", "CleanEvent"]

_NANOSECONDS = 1_000_000_000
_MINUTE = 60
_REMEMBERED_REFERENCES = 4096
_LOOKED_UP = (Ref, PublicName, Tag, ListOf)


@dataclass(frozen=True, slots=True)
class CleanEvent:
    """An event as it may leave: values are numbers, flags, closed words, public names and keyed hashes."""

    event: Event
    properties: dict[str, object]
    occurred: int
    """Seconds since the epoch: the moment within the second, or where it is coarse the minute, is not kept."""


class Anonymiser:
    """Applies the contract with one installation's reference key and the names that its product declared public.

    ``preset`` is the one that was chosen: some properties leave with it alone.
    """

    def __init__(
        self, reference_key: bytes, registries: Registries, *, precision: str = "exact", preset: str | None = None
    ) -> None:
        self._is_coarse = precision == "coarse"
        self._preset = preset
        self._key = reference_key
        self._registries = registries
        self._references: dict[tuple[str, str], str] = {}

    def clean(self, fact: Fact) -> CleanEvent | None:
        """The event of a fact; None, counted, where no such event is declared."""
        declared = contract.lookup(fact.event)
        if declared is None:
            _losses.count("undeclared_event")
            return None
        given = fact.properties
        properties: dict[str, object] = {}
        seen = 0
        for name, kind in declared.properties.items():
            if name in given:
                seen += 1
                value = given[name]
                if value is None or kind.preset not in (None, self._preset):
                    continue
                cleaned = self._value(kind, value)
                if cleaned is None:
                    _losses.count("wrong_type")
                else:
                    properties[name] = cleaned
        if seen != len(given):
            _losses.count("undeclared_property", len(given) - seen)
        occurred = fact.occurred_ns // _NANOSECONDS
        return CleanEvent(declared, properties, occurred - occurred % _MINUTE if self._is_coarse else occurred)

    def reference(self, namespace: str, identifier: str) -> str:
        """The keyed hash of an identifier, remembered: identifiers come again and again."""
        known = self._references.get((namespace, identifier))
        if known is None:
            if len(self._references) >= _REMEMBERED_REFERENCES:
                self._references.clear()
            known = reference(self._key, namespace, identifier)
            self._references[namespace, identifier] = known
        return known

    def _value(self, kind: Kind, value: object) -> object | None:
        checked = kind.check(value)
        if checked is None:
            return None
        if not isinstance(kind, _LOOKED_UP):
            return coarse(checked) if self._is_coarse else checked
        if isinstance(kind, Ref):
            return self.reference(kind.namespace, str(checked))
        if isinstance(kind, PublicName):
            return self._registries.public(kind.registry, str(checked))
        if isinstance(kind, Tag):
            return contract.declared_tag(str(checked))
        items: list[object] = checked if isinstance(checked, list) else []  # pyright: ignore[reportUnknownVariableType] - checked by the kind
        return [self._value(kind.item, item) for item in items]
