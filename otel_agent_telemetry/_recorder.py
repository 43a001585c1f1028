"""What the code of a product told while a test ran: its events as they would leave, its spans, its tokens."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_agent_telemetry import _losses, contract
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry._runtime import configure, flush, set_aside
from otel_agent_telemetry.contract._reference import reference
from otel_agent_telemetry.identity import REFERENCE_KEY_KEY, FileStore
from otel_agent_telemetry.pipeline.processor import EventProcessor
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.pipeline.stream import flush_all

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_agent_telemetry.pipeline.sending.ledger import Entry

__all__ = ["RecordedEvent", "Recorder", "differences", "recording", "surroundings"]

_OPT_OUTS = ("DO_NOT_TRACK", "ANONYMIZED_TELEMETRY", "TELEMETRY_ENABLED", "OTEL_SDK_DISABLED")
_WAYS_OUT = ("AGENT_TELEMETRY_ENDPOINT", "AGENT_TELEMETRY_DEBUG", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER")
_ENVELOPE = frozenset({"version", "swarmVersion"})  # properties that say which product it is, not what happened
_NOT_SUMMED = frozenset({"model", "provider", "agentName", "sessionId", "taskId", "agentId"})


@dataclass(frozen=True, slots=True, repr=False)
class RecordedEvent:
    """One event; two are equal if name and properties are. ``body`` is what would be sent, byte for byte."""

    name: str
    properties: dict[str, Any]
    product: str = field(default="", compare=False)
    body: bytes = field(default=b"", compare=False)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.properties.items())})"


class Recorder:
    """What has been told so far; each look takes what the code under test has said until then.

    Events of every product in the process and in processes that it started; spans of the program's own provider.
    """

    def __init__(self, folder: str, spans: InMemorySpanExporter) -> None:
        self._folder = folder
        self._spans = spans

    @property
    def events(self) -> list[RecordedEvent]:
        """Every event, oldest first."""
        products = self._products()
        kept = [(entry, product) for product in products for entry in Ledger(self._ledger(product)).events()]
        if len(products) > 1:  # each ledger by itself has them in the order in which they came
            kept.sort(key=lambda pair: pair[0].created_at)
        return [_event(entry, product) for entry, product in kept]

    def named(self, name: str) -> list[RecordedEvent]:
        """The events of that name. Raises LookupError for one that nobody declared."""
        _declared(name)
        return [event for event in self.events if event.name == name]

    def event(self, name: str, **properties: object) -> RecordedEvent:
        """An event to compare with. Raises LookupError for a name or a property that nobody declared."""
        known = _declared(name).properties
        unknown = [given for given in properties if given not in known and given not in _context()]
        if unknown:
            msg = f"{name} declares no property {unknown[0]!r}; it has: {', '.join(known) or 'none'}"
            raise LookupError(msg)
        return RecordedEvent(name, dict(properties))

    def expect(self, name: str, **properties: object) -> RecordedEvent:
        """The first event of that name that has these properties, whatever else it has. Raises AssertionError."""
        wanted = self.event(name, **properties)
        found = self.named(name)
        for event in found:
            if all(key in event.properties and event.properties[key] == value for key, value in properties.items()):
                return event
        lines = [f"no event {wanted!r}, but {len(found)} of that name:", *(f"  {event!r}" for event in found)]
        if not found:
            lines += ["events so far: " + (", ".join(dict.fromkeys(event.name for event in self.events)) or "none")]
        if self.dropped:
            lines.append(f"left out so far, by reason: {self.dropped}")
        raise AssertionError("\n".join(lines))

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that ended, oldest end first; of a library's own telemetry there are none here."""
        return list(self._spans.get_finished_spans())

    @property
    def tokens(self) -> dict[str, dict[str, float]]:
        """The sums of all ``token.usage`` events by model: ``{"gpt-5.2": {"inputTokens": 12, …}}``."""
        sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(int))
        for event in self.named("token.usage"):
            for name, value in event.properties.items():
                if name not in _NOT_SUMMED and not isinstance(value, str):
                    sums[str(event.properties.get("model", "unknown"))][name] += value
        return {model: dict(known) for model, known in sums.items()}

    @property
    def dropped(self) -> dict[str, int]:
        """Values and events that were left out, by reason: ``{"undeclared_property": 1}``."""
        sums: Counter[str] = Counter()
        for product in self._products():
            sums.update(Ledger(self._ledger(product)).drops())
        return dict(sums + Counter(_losses.waiting()))

    def reference(self, namespace: str, identifier: str) -> str:
        """What stands for that identifier in the events: ``reference("task", "t-1")``. Raises LookupError."""
        for product in self._products():
            key = FileStore(self._folder, product).get(REFERENCE_KEY_KEY)
            if key:
                return reference(bytes.fromhex(key.strip()), namespace, identifier)
        msg = "no event was recorded yet, so there is no key for references"
        raise LookupError(msg)

    def _products(self) -> list[str]:
        flush(0)
        flush_all()
        return sorted(name for name in os.listdir(self._folder) if os.path.exists(self._ledger(name)))

    def _ledger(self, product: str) -> str:
        return ledger_file(self._folder, product)


def surroundings(folder: str) -> dict[str, str | None]:
    """Variables of a test that records; None for one that is to be unset."""
    otlp = [name for name in os.environ if name.startswith("OTEL_EXPORTER_")]
    return {
        **dict.fromkeys((*_OPT_OUTS, *_WAYS_OUT, *otlp), None),
        "AGENT_TELEMETRY_ALLOW_IN_TESTS": "1",
        "AGENT_TELEMETRY_AUDIT": "1",  # whatever the product says, nothing is sent, and its state is kept here
        "AGENT_TELEMETRY_NOTICE": "0",
        "AGENT_TELEMETRY_STATE_DIR": folder,
        "XDG_STATE_HOME": folder,  # the choice of who runs the test is not the product's
    }


@contextmanager
def recording(folder: str) -> Generator[Recorder]:
    """Record; the program's telemetry stands aside meanwhile."""
    put_back, processors = set_aside(), _processors()
    exporter = InMemorySpanExporter()
    try:
        configure()
        provider: Any = trace.get_tracer_provider()
        if hasattr(provider, "add_span_processor"):
            provider.add_span_processor(SimpleSpanProcessor(exporter))
        yield Recorder(folder, exporter)
    finally:
        put_back()
        _take_off(processors)


def _processors() -> tuple[object, ...]:
    """Those of the global provider, as far as the SDK shows them."""
    held: Any = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    return getattr(held, "_span_processors", ())


def _take_off(before: tuple[object, ...]) -> None:
    """Leave the provider with those that it had, and with what the code under test added for itself."""
    ours = (EventProcessor, SimpleSpanProcessor)
    kept = tuple(each for each in _processors() if each in before or not isinstance(each, ours))
    held: Any = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    if hasattr(held, "_span_processors"):
        held._span_processors = kept  # noqa: SLF001 - the SDK has no way to take one off


def differences(left: object, right: object) -> list[str] | None:
    """Lines that say how two lists of events differ; None for anything else."""
    if not (_are_events(left) and _are_events(right)):
        return None
    one, other = cast("list[RecordedEvent]", left), cast("list[RecordedEvent]", right)
    lines = [f"{len(one)} events == {len(other)} events"]
    for number in range(max(len(one), len(other))):
        here, there = (each[number] if number < len(each) else None for each in (one, other))
        if here is None or there is None or here.name != there.name:
            lines.append(f"event {number}: {here or 'none'} != {there or 'none'}")
        elif here != there:
            names = [name for name in {**here.properties, **there.properties} if _of(here, name) != _of(there, name)]
            lines += [f"event {number}, {here.name}.{name}: {_of(here, name)} != {_of(there, name)}" for name in names]
    return lines


def _of(event: RecordedEvent, name: str) -> str:
    return repr(event.properties[name]) if name in event.properties else "absent"


def _are_events(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, RecordedEvent) for each in cast("list[object]", value))


def _event(entry: Entry, product: str) -> RecordedEvent:
    body = json.loads(entry.body)
    said: dict[str, Any] = body["records"][0]["properties"] if "records" in body else body["properties"]
    properties = {name: value for name, value in said.items() if name not in _ENVELOPE}
    return RecordedEvent(entry.name, properties, product, entry.body)


def _declared(name: str) -> contract.Event:
    declared = contract.lookup(name)
    if declared is None:
        near = get_close_matches(name, contract.events(), n=1)
        msg = f"no event {name!r} is declared" + (f"; did you mean {near[0]!r}?" if near else "")
        raise LookupError(msg)
    return declared


def _context() -> frozenset[str]:
    """Properties that an event may have of what it happened in, and tags."""
    return frozenset({"sessionId", "agentName", *contract.tags()})
