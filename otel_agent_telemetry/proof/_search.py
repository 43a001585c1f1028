"""Looks for canaries in what left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_agent_telemetry.contract._text import json_schema
from otel_agent_telemetry.proof._fields import fields
from otel_agent_telemetry.proof._forms import forms
from otel_agent_telemetry.proof._layers import layers
from otel_agent_telemetry.proof._sink import TRACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_agent_telemetry.proof._canaries import Canary
    from otel_agent_telemetry.proof._sink import Message

__all__ = ["Finding", "contract_words", "search"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A canary in what left: where it went, in which field, in which form, in how many messages.

    ``allowed`` is the operator's own text in the operator's own traces.
    """

    canary: str
    destination: str
    field: str
    form: str
    messages: int
    allowed: bool


def contract_words() -> str:
    """All that the contract itself says: a canary that is part of it cannot be told from it."""
    return json.dumps(json_schema()).lower()


def search(messages: Sequence[Message], canaries: Iterable[Canary]) -> list[Finding]:
    """Each canary that is in a message, once for each destination, in its plainest form there."""
    known = [(canary, forms(canary.text)) for canary in canaries]
    findings: list[Finding] = []
    for destination in dict.fromkeys(message.destination for message in messages):
        here = [_Read(message) for message in messages if message.destination == destination]
        everything = _APART.join(data for each in here for _, data in each.layers)
        for canary, needles in known:
            for needle, form in needles.items():
                if needle in everything and (holders := [each for each in here if each.holds(needle)]):
                    findings.append(_finding(canary, destination, needle, form, holders))
                    break
    return findings


_APART = b"\xff\xfe\xff\n"
"""Stands between bytes that do not belong together."""


class _Read:
    """A message, and every layer of it that is looked through."""

    def __init__(self, message: Message) -> None:
        self.fields = list(fields(message))
        self.layers = [("", message.head), *layers(message.body)]
        if message.content is not message.body:
            self.layers += layers(message.content)
        self.layers += [(way, data) for _, field in self.fields for way, data in layers(field)]

    def holds(self, needle: bytes) -> bool:
        return any(needle in data for _, data in self.layers)

    def where(self, needle: bytes) -> tuple[str, str]:
        """The field, and the way through what is packed in it."""
        for name, field in self.fields:
            for way, data in layers(field):
                if needle in data:
                    return name, way
        way = next(way for way, data in self.layers if needle in data)
        return "body", way


def _finding(canary: Canary, destination: str, needle: bytes, form: str, holders: list[_Read]) -> Finding:
    field, way = holders[0].where(needle)
    return Finding(
        canary=canary.name,
        destination=destination,
        field=field,
        form=f"{form}, {way}" if way else form,
        messages=len(holders),
        allowed=canary.own and destination == TRACES,
    )
