"""The SDK's providers that we build, with the operator's exporters behind them, and how they end.

The SDK waits for a collector that does not answer: up to 30 seconds, whatever time it is given. So its waiting is done
aside, and who leaves the program stops waiting in time.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.sdk import trace

from otel_agent_telemetry._deadline import Leaving, Within, left
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.pipeline.operator._aside import Aside, Asked
from otel_agent_telemetry.pipeline.operator._resource import ServiceResource
from otel_agent_telemetry.pipeline.operator.around import ContextProcessor
from otel_agent_telemetry.pipeline.processor import EventProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk import metrics

    from otel_agent_telemetry.pipeline.operator.exporters import OfThisProcess

    Provider: TypeAlias = "TracerProvider | metrics.MeterProvider"

__all__ = ["Providers", "TracerProvider", "stop_quietly"]


class TracerProvider(trace.TracerProvider):
    """A tracer provider that is shut down once, in the time that the program's end may take, and never raises."""

    is_down = False
    stop: Callable[[Callable[[], object]], object] | None = None  # how, where somebody sees to the time
    has_others = False
    """Whether somebody else sees its spans: an exporter of the operator's, a processor of the host's."""

    def add_span_processor(self, span_processor: trace.SpanProcessor) -> None:
        """As the SDK's; what ``telemetry.context()`` says is put on spans as soon as somebody else sees them."""
        if not self.has_others and not isinstance(span_processor, EventProcessor):
            self.has_others = True
            super().add_span_processor(ContextProcessor())
        super().add_span_processor(span_processor)

    def shutdown(self) -> None:
        """As the SDK's."""
        if not self.is_down:
            self.is_down = True
            stop_quietly(self, super().shutdown)


def stop_quietly(provider: Any, run: Callable[[], object]) -> None:
    """Run what stops a provider, in the way it was told to; whatever that raises."""
    try:
        if provider.stop is None:
            run()
        else:
            provider.stop(run)
    except Exception:
        _logger.debug("an exporter of the operator's could not be shut down", exc_info=True)


class Providers:
    """What a program has for all its life, whoever configures it again.

    ``meter_all`` brings the instruments up to date, before they are read for the last time; ``spent`` says how many
    seconds of the end of the program the events took.
    """

    def __init__(self, exit_seconds: float) -> None:
        self.exit_seconds = exit_seconds
        self.meter_all: Callable[[], object] = lambda: None
        self.spent: Callable[[], float] = lambda: 0.0
        self._all: list[_Provider] = []
        self._resource: ServiceResource | None = None

    def resource(self, service: str, version: str | None) -> ServiceResource:
        """What the spans and metrics of all of them say of their service, also those that are not exported yet."""
        if self._resource is None:
            self._resource = ServiceResource(service, version)
        else:
            self._resource.name(service, version)
        return self._resource

    def __contains__(self, provider: object) -> bool:
        return any(each.provider is provider for each in self._all)

    def add(self, provider: Provider, exporters: Sequence[OfThisProcess], *, at_exit: bool) -> None:
        """Have it shut down, with ``at_exit`` at the end of the program at the latest."""
        if at_exit and not self._all:
            atexit.register(self.leave_program)
        self._all.append(_Provider(provider, exporters, lambda: self.exit_seconds))

    def ask_to_flush(self) -> Callable[[], bool]:
        """Begin to give everything to the exporters; what it gives waits for that, as long as the deadline lets it."""
        self.meter_all()
        asked = [each.ask_to_flush() for each in self._all]
        return lambda: all(each.wait(left(_FOR_EVER)) and each.went_well for each in asked)

    def shut_down(self) -> None:
        """Stop, until the deadline at most, and say what was lost."""
        open_ones = [each for each in self._all if not each.provider.is_down]
        before = [each.failed for each in open_ones]
        asked = [each.ask_to_shut_down() for each in open_ones]
        done = [each.wait(left(_FOR_EVER)) for each in asked]
        lost = [each.lost(since, in_time=ok) for each, since, ok in zip(open_ones, before, done, strict=True)]
        self._all.clear()
        atexit.unregister(self.leave_program)
        _tell(lost)

    def leave_program(self) -> None:
        """Stop within the time that the end of the program may take, of which half at least is the exporters'."""
        seconds = max(self.exit_seconds / 2, _SHARE * self.exit_seconds - self.spent())
        with Within(seconds), Leaving():  # our own processor puts events into a ledger that others may hold
            self.meter_all()
            self.shut_down()


class _Provider:
    """One of them, what is behind it, and the thread that waits for that."""

    def __init__(
        self, provider: Provider, exporters: Sequence[OfThisProcess], exit_seconds: Callable[[], float]
    ) -> None:
        self.provider: Any = provider
        self.provider.stop = self._stop_in_time
        self._exit_seconds = exit_seconds
        self._exporters = exporters
        self._aside = Aside() if exporters else None
        self._flushing: Asked | None = None

    @property
    def failed(self) -> int:
        return sum(exporter.failed for exporter in self._exporters)

    def ask_to_flush(self) -> Asked:
        if self._flushing is None or self._flushing.has_begun:
            self._flushing = self._ask(self._flush)
        return self._flushing

    def _flush(self) -> bool:
        before = self.failed
        return self.provider.force_flush() is not False and self.failed == before

    def ask_to_shut_down(self) -> Asked:
        self.provider.stop = None  # who asks sees to the time
        return self._ask(self.provider.shutdown)

    def _stop_in_time(self, run: Callable[[], object]) -> None:
        """The host itself shuts the provider down, and would wait for as long as the SDK does."""
        before = self.failed
        in_time = self._ask(run).wait(left(self._exit_seconds()))
        _tell([self.lost(before, in_time=in_time)])

    def _ask(self, run: Callable[[], object]) -> Asked:
        if self._aside is not None:
            return self._aside.ask(run)
        asked = Asked(run)  # nothing but our own processor, which keeps to its time
        asked.do()
        return asked

    def lost(self, failed_before: int, *, in_time: bool) -> str:
        """In words, which spans never arrived, and whether the last metrics did; empty if all did."""
        if not isinstance(self.provider, TracerProvider):
            return "the last metrics" if self.failed > failed_before or not in_time else ""
        number = self.failed
        if not in_time:
            number += sum(exporter.under_way + exporter.waiting() for exporter in self._exporters)
        return f"{number} span{'s' if number != 1 else ''}" if number else ""


def _tell(lost: Sequence[str]) -> None:
    if any(lost):
        _logger.warning(
            "the operator's exporters did not take everything before the end; lost: %s. OTEL_EXPORTER_OTLP_ENDPOINT"
            " says where it goes, AGENT_TELEMETRY_EXIT_TIMEOUT how many seconds the end of the program may wait",
            ", ".join(sorted(filter(None, lost))),  # spans first, whichever provider was built first
        )


_FOR_EVER = 86_400.0
_SHARE = 0.9  # the rest is for the interpreter, which has more to tidy up where exporters failed
