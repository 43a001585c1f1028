"""A foreign span that ends while an exception interrupts its code is not taken for one that ended well."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracer

from otel_agent_telemetry.meaning import Meaning
from otel_agent_telemetry.meaning._records import Fact, SpanRecord, Usage
from otel_agent_telemetry.pipeline._lasting import Lasting
from otel_agent_telemetry.pipeline.processor import EventProcessor
from tests.meaning.spans import AGENT, CHAT, TOOL, USED, properties, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Mapping as Attributes

    from opentelemetry.trace import Tracer


class Ended:
    """In the place of the event stream: who interrupted each span that ended."""

    is_closed = False

    def __init__(self) -> None:
        self.by: list[str] = []
        self.lasting = Lasting()

    def link(self, span_id: int, parent_id: int) -> None:
        """Every span begins."""

    def ended(self, span: Any, parent_id: int) -> None:
        """One that matters ended."""
        self.by.append(span.interrupted_by if isinstance(span, SpanRecord) else "")


def cancelled(tracer: Tracer) -> None:
    """A task is cancelled while its span is open."""

    async def wait() -> None:
        with tracer.start_as_current_span("run", attributes=AGENT):  # pyright: ignore[reportArgumentType] - texts
            await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(main())


def interrupted(tracer: Tracer) -> None:
    """Ctrl-C."""
    with tracer.start_as_current_span("run", attributes=AGENT):  # pyright: ignore[reportArgumentType] - texts
        raise KeyboardInterrupt


def closed(tracer: Tracer) -> None:
    """A generator is closed by its reader."""

    def stream() -> Iterator[int]:
        with tracer.start_as_current_span("chat", attributes=CHAT):  # pyright: ignore[reportArgumentType] - texts
            yield 1

    reader = stream()
    next(reader)
    del reader


def cleaned_up(tracer: Tracer) -> None:
    """A run that ends well, in code that cleans up after an interruption."""
    try:
        interrupted(NoOpTracer())
    except KeyboardInterrupt:
        with tracer.start_as_current_span("run", attributes=AGENT):  # pyright: ignore[reportArgumentType] - texts
            pass


def failed(tracer: Tracer) -> None:
    """An ordinary exception."""
    with tracer.start_as_current_span("run", attributes=AGENT):  # pyright: ignore[reportArgumentType] - texts
        raise ValueError


@pytest.mark.parametrize(
    ("code", "by"),
    [
        (cancelled, "CancelledError"),
        (interrupted, "KeyboardInterrupt"),
        (closed, "GeneratorExit"),
        (cleaned_up, ""),
        (failed, ""),
    ],
)
def test_what_interrupts_a_span_is_seen(code: Callable[[Tracer], None], by: str) -> None:
    """An exception that interrupts is noted where it ends the span, and only there."""
    stream: Any = Ended()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(EventProcessor(stream))
    with suppress(asyncio.CancelledError, KeyboardInterrupt, ValueError):
        code(provider.get_tracer("a framework"))
    assert stream.by == [by]


def ended(attributes: Attributes[str, object], by: str) -> list[Fact | Usage]:
    """What a span that was interrupted becomes."""
    mapping = Meaning()
    return mapping.end(span(1, attributes)._replace(interrupted_by=by))


def test_an_agent_that_is_cancelled_has_not_ended_well() -> None:
    """Its session is no success, and no failure either."""
    out = ended(AGENT, "CancelledError")
    assert [item.event for item in out if isinstance(item, Fact)] == ["session.started", "session.ended"]
    assert properties(out, "session.ended")["isSuccess"] is False
    assert properties(out, "session.ended")["errors"] == ["cancelled"]


def test_an_agent_whose_reader_has_enough_has_ended_well() -> None:
    """Who reads events up to the last one that he wants closes the generator."""
    assert properties(ended(AGENT, "GeneratorExit"), "session.ended")["isSuccess"] is True


def test_a_tool_that_is_cancelled_has_failed() -> None:
    """With that category."""
    assert properties(ended(TOOL, "CancelledError"), "tool.called")["errorCategory"] == "cancelled"


@pytest.mark.parametrize(
    ("attributes", "by", "is_error"),
    [
        (CHAT, "CancelledError", True),
        (USED, "CancelledError", True),
        (CHAT, "GeneratorExit", True),
        (USED, "GeneratorExit", False),
    ],
)
def test_a_model_call_that_is_given_up(attributes: Attributes[str, object], by: str, *, is_error: bool) -> None:
    """A cancelled call did not succeed; nor did a stream that was closed before its usage came."""
    (call,) = ended(attributes, by)
    assert isinstance(call, Usage)
    assert call.is_error is is_error
