"""What fails inside telemetry stays inside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from otel_agent_telemetry import _losses
from otel_agent_telemetry.lifecycle import Lifecycle
from otel_agent_telemetry.lifecycle._spans import Spans
from tests.lifecycle.test_outcomes import KINDS, HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class BrokenTracerProvider(trace.TracerProvider):
    """A provider of the host's that fails whenever a span is to begin."""

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        """The tracer that fails."""
        return BrokenTracer()


class BrokenTracer(trace.NoOpTracer):
    """See the provider."""

    def start_span(self, *_: Any, **__: Any) -> trace.Span:
        """Fails."""
        raise HostError


class BrokenAtStart(SpanProcessor):
    """A span processor of the host's that fails at the start of a span."""

    def on_start(self, *_: Any, **__: Any) -> None:
        """Fails."""
        raise HostError


class BrokenAtEnd(SpanProcessor):
    """A span processor of the host's that fails at the end of a span."""

    def on_end(self, span: Any) -> None:
        """Fails."""
        raise HostError


def lifecycle(provider: trace.TracerProvider) -> Lifecycle:
    """Calls whose spans come from that provider."""
    calls = Lifecycle(isolated=True)
    calls.use(Spans(provider))
    _losses.take()
    return calls


def sdk(processor: SpanProcessor) -> TracerProvider:
    """A provider with that processor."""
    provider = TracerProvider()
    provider.add_span_processor(processor)
    return provider


BROKEN: dict[str, Callable[[], trace.TracerProvider]] = {
    "the tracer": BrokenTracerProvider,
    "on_start": lambda: sdk(BrokenAtStart()),
    "on_end": lambda: sdk(BrokenAtEnd()),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("part", BROKEN)
def test_a_failure_stays_inside(part: str, name: str) -> None:
    """Where a part that the span passes through raises, the host's code runs on and one loss is counted."""
    calls = lifecycle(BROKEN[part]())
    with KINDS[name](calls) as handle:
        handle.fail("timeout")
    assert _losses.take() == {"instrumentation_error": 1}


@pytest.mark.parametrize("part", BROKEN)
def test_the_hosts_error_wins(part: str) -> None:
    """The host's own exception passes through while telemetry fails too."""
    with pytest.raises(ValueError, match="mine"), lifecycle(BROKEN[part]()).task("research"):
        raise ValueError("mine")


@pytest.mark.parametrize("part", BROKEN)
def test_calls_without_duration(part: str) -> None:
    """Creating, giving up and tracking do not raise either; a carrier has the task's id all the same."""
    calls = lifecycle(BROKEN[part]())
    carrier = calls.create_task("research", id="t-1")
    calls.cancel_task(carrier)
    calls.track("server.shutdown", sessionsProcessed=1)
    calls.record_tokens("gpt-5.2", input=1)
    assert (carrier["task_id"], _losses.take()) == ("t-1", {"instrumentation_error": 4})


def test_nothing_stays_current() -> None:
    """After a failure at the start or the end, no span is current."""
    for make in BROKEN.values():
        with lifecycle(make()).tool("web_search"):
            pass
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_decorated_function_still_runs() -> None:
    """A decorated function, coroutine function or generator gives what it gives without us."""
    calls = lifecycle(BrokenTracerProvider())

    @calls.tool("double")
    def double(number: int) -> int:
        return 2 * number

    @calls.tool("count")
    def count() -> Iterator[int]:
        yield from (1, 2)

    @calls.tool("wait")
    async def wait() -> str:
        await asyncio.sleep(0)
        return "waited"

    assert (double(4), list(count()), asyncio.run(wait())) == (8, [1, 2], "waited")
