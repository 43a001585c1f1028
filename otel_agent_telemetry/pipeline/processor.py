"""The span processor that feeds the event stream, live: "started" is sent when it happens, not when a span ends."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import get_current_span

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.lifecycle._whole import WHOLE
from otel_agent_telemetry.meaning import DIALECT_KEYS
from otel_agent_telemetry.meaning._records import SpanRecord
from otel_agent_telemetry.pipeline._lasting import SILENT
from otel_agent_telemetry.pipeline._span_record import attributes_of, begun, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.util.types import AttributeValue

    from otel_agent_telemetry.lifecycle._spans import Tell
    from otel_agent_telemetry.pipeline.operator.unrecorded import Unrecorded
    from otel_agent_telemetry.pipeline.stream import EventStream

    class _Provider(Protocol):
        has_others: bool
        id_generator: IdGenerator


__all__ = ["EventProcessor"]

_SCOPE = "otel_agent_telemetry"
_LIFECYCLE = names.AGENT_LIFECYCLE
_INTERRUPTIONS = frozenset({"CancelledError", "Cancelled", "GeneratorExit", "KeyboardInterrupt"})
_MOST_HANDLED = 1024


class EventProcessor(SpanProcessor):
    """Hands the spans that matter to the stream's thread, and remembers whose child every other one is.

    It is called for every span of the host, so it reads the SDK's own fields: each property would cost a call, and a
    key that the public attributes lack would be raised and caught. Where an SDK has no such fields, properties serve.
    A span's context is a tuple that begins with its trace's id and its own; their names are calls as well.

    Most instrumentations leave a cancelled run or call without status, as if it had ended well. Its span ends while the
    exception is on its way through the host's frames, in this thread, so that is where it can be seen.
    """

    def __init__(self, stream: EventStream | Unrecorded) -> None:
        self._stream = stream
        stream.is_live = True
        self._handled: OrderedDict[int, BaseException] = OrderedDict()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the parent, and report a lifecycle span of ours as started."""
        stream = self._stream
        if stream.is_closed:
            return
        raw: Any = span
        try:
            parent, context, attributes = raw._parent, raw._context, raw._attributes._dict  # noqa: SLF001 - see the class
        except AttributeError:
            parent, context, attributes = span.parent, span.get_span_context(), attributes_of(span)
        trace = context[0] << 64  # as key_of() has it, without the call
        key = trace | context[1]
        stream.link(key, 0 if parent is None else trace | parent[1])
        given = WHOLE.get()
        if given is not None:
            parent_id = 0 if parent is None else parent[1]
            if given.get(_LIFECYCLE) in SILENT:
                stream.lasting.add(key, span, parent_id, given)
            else:
                stream.started(begun(span, parent_id, given))
        elif _LIFECYCLE in attributes:
            if attributes[_LIFECYCLE] != names.LIFECYCLE_EVENT:  # that says all at its end, which is now
                stream.started(span)
        elif (error := sys.exc_info()[1]) is not None and not isinstance(error, Exception):
            self._begun_while_handling(key, error)

    def on_end(self, span: ReadableSpan) -> None:
        """Report a span that shows one of the signs; of any other only that it is gone."""
        stream = self._stream
        if stream.is_closed:
            return
        raw: Any = span
        try:
            parent, context, attributes = raw._parent, raw._context, raw._attributes._dict  # noqa: SLF001 - see the class
        except AttributeError:
            parent, context, attributes = span.parent, raw.get_span_context(), attributes_of(span)
        trace = context[0] << 64
        key = trace | context[1]
        given = WHOLE.get()
        if given is None and DIALECT_KEYS.isdisjoint(attributes):
            if stream.leave(key):
                stream.unlink(key)
            return
        ended: ReadableSpan | SpanRecord = span
        if given is not None:
            ended = record_of(span)._replace(attributes={**attributes_of(span), **given})
        elif _LIFECYCLE not in attributes and (by := self._interruption(key)):
            ended = record_of(span)._replace(interrupted_by=by)
        stream.lasting.over(key)
        stream.ended(ended, 0 if parent is None else trace | parent[1])

    def tell_for(self, provider: _Provider) -> Tell:
        """What takes events in place of their spans, as long as nobody but us sees the spans of that provider."""

        def tell(around: Context, given: Mapping[str, AttributeValue], now_ns: int) -> bool:
            if provider.has_others:
                return False
            above = get_current_span(around).get_span_context()
            span_id = provider.id_generator.generate_span_id()
            record = SpanRecord(above.trace_id, span_id, above.span_id, _SCOPE, given, now_ns, now_ns)
            self._stream.ended(record, record.parent_key)
            return True

        return tell

    def _begun_while_handling(self, key: int, error: BaseException) -> None:
        """A span of somebody who cleans up after an interruption: that one is not its own."""
        if len(self._handled) >= _MOST_HANDLED:
            self._handled.popitem(last=False)
        self._handled[key] = error

    def _interruption(self, key: int) -> str:
        error = sys.exc_info()[1]
        if error is None or isinstance(error, Exception) or self._handled.pop(key, None) is error:
            return ""
        # By name, as each library for asynchronous code has its own class.
        return next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _INTERRUPTIONS), "")

    def shutdown(self) -> None:
        """Put what is queued into the ledger."""
        self._stream.flush(0)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Put what is queued into the ledger; sending is not waited for."""
        return self._stream.flush(0)
