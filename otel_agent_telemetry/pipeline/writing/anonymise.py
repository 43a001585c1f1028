"""Facts in, clean events out: declared properties of the right kind are copied in, and nothing else.

Nothing is stripped from a fact; what the contract does not name is never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_agent_telemetry import _losses, contract
from otel_agent_telemetry.contract._kinds import ListOf, PublicName, Ref, Tag, coarse
from otel_agent_telemetry.contract._reference import reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.contract._events import Event
    from otel_agent_telemetry.contract._kinds import Kind
    from otel_agent_telemetry.meaning._records import Fact
    from otel_agent_telemetry.pipeline.writing.registries import Registries

__all__ = ["Anonymiser", "CleanEvent"]

_NANOSECONDS = 1_000_000_000
_MINUTE = 60
_REMEMBERED_REFERENCES = 4096

Cleaner: TypeAlias = "Callable[[object], object | None]"
"""From a value to what may leave of it; None for one of the wrong type."""


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
        self._plans: dict[str, tuple[Event, list[tuple[str, Cleaner]]]] = {}

    def clean(self, fact: Fact) -> CleanEvent | None:
        """The event of a fact; None, counted, where no such event is declared."""
        declared = contract.lookup(fact.event)
        if declared is None:
            _losses.count("undeclared_event")
            return None
        given = fact.properties
        properties: dict[str, object] = {}
        seen = 0
        for name, clean in self._plan_of(declared):
            if name in given:
                seen += 1
                value = given[name]
                if value is None or clean is _left_out:
                    continue
                cleaned = clean(value)
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

    def _plan_of(self, declared: Event) -> list[tuple[str, Cleaner]]:
        """How each property of an event is cleaned; made once, as long as the event is declared so."""
        known = self._plans.get(declared.name)
        if known is not None and known[0] is declared:
            return known[1]
        plan = [
            (name, self._cleaner(kind) if kind.preset in (None, self._preset) else _left_out)
            for name, kind in declared.properties.items()
        ]
        self._plans[declared.name] = declared, plan
        return plan

    def _cleaner(self, kind: Kind) -> Cleaner:
        check = kind.check
        if isinstance(kind, Ref):
            namespace = kind.namespace
            return _then(check, lambda value: self.reference(namespace, str(value)))
        if isinstance(kind, PublicName):
            registry = kind.registry
            return _then(check, lambda value: self._registries.public(registry, str(value)))
        if isinstance(kind, Tag):
            return _then(check, lambda value: contract.declared_tag(str(value)))
        if isinstance(kind, ListOf):
            item = self._cleaner(kind.item)
            return _then(check, lambda values: [item(value) for value in values])
        return _then(check, coarse) if self._is_coarse else check


def _then(check: Cleaner, step: Callable[[Any], object]) -> Cleaner:
    def clean(value: object) -> object | None:
        checked = check(value)
        return None if checked is None else step(checked)

    return clean


def _left_out(_: object) -> None:
    """A property that leaves with another preset alone."""
