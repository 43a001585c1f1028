"""Spans and log records without what was said: what somebody may be given who may not read prompts and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry.local.read._content import is_content
from otel_agent_telemetry.meaning.harnesses import without_content

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bare", "bare_span"]

_SAID_IN_EVENTS = "gen_ai."


def bare(record: Any, *, of_agent: bool) -> Any:
    """A copy of a span or a log record without content; ``of_agent`` where a coding agent sent it."""
    return bare_span(record, of_agent=of_agent) if isinstance(record, Span) else without_content(record)


def bare_span(span: Span, *, of_agent: bool) -> Span:
    """A copy without prompts, answers, tool arguments and results; of a coding agent only what is none."""
    if of_agent:
        return without_content(span)
    made = Span()
    made.CopyFrom(span)
    _keep(made.attributes, lambda pair: not is_content(pair.key))
    for event in made.events:
        is_said = event.name.startswith(_SAID_IN_EVENTS)
        _keep(event.attributes, _is_figure if is_said else lambda pair: not is_content(pair.key))
    return made


def _is_figure(pair: KeyValue) -> bool:
    return pair.value.WhichOneof("value") in {"int_value", "double_value", "bool_value"}


def _keep(pairs: Any, is_kept: Callable[[KeyValue], bool]) -> None:
    kept = [pair for pair in pairs if is_kept(pair)]
    if len(kept) < len(pairs):
        copies = [KeyValue.FromString(pair.SerializeToString()) for pair in kept]
        del pairs[:]
        pairs.extend(copies)
