"""What somebody thought of an answer, on the span that it is of: ``gen_ai.evaluation.result`` (GenAI conventions)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.lifecycle._attributes import attributes
from otel_agent_telemetry.lifecycle._carrier import context_of
from otel_agent_telemetry.lifecycle._handle import Handle

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AttributeValue

__all__ = ["LONGEST_EXPLANATION", "give"]

LONGEST_EXPLANATION = 10_000
"""Characters; people write more of an answer than an attribute of ours else holds."""


def give(tracer: Tracer, base: Context, given: Mapping[str, object], on: object) -> None:
    """Add the event to the running span that it is of; where that is over, to a span without duration below it."""
    context = _context(base, on)
    said = _attributes(given)
    span = trace.get_current_span(context)
    if span.is_recording():
        span.add_event(names.GEN_AI_EVALUATION_RESULT, said)
        return
    note = tracer.start_span(names.GEN_AI_EVALUATION_RESULT, context)
    note.add_event(names.GEN_AI_EVALUATION_RESULT, said)
    note.end()


def _context(base: Context, on: object) -> Context:
    if isinstance(on, Handle):
        live = on.live()
        return base if live is None else trace.set_span_in_context(live.span, base)
    return context_of(on, base) if isinstance(on, Mapping) else base  # pyright: ignore[reportUnknownArgumentType] - text is checked there


def _attributes(given: Mapping[str, object]) -> dict[str, AttributeValue]:
    explanation, score = given["explanation"], given["score"]
    said = attributes(
        (
            (names.GEN_AI_EVALUATION_NAME, given["name"]),
            (names.GEN_AI_EVALUATION_SCORE, float(score) if isinstance(score, (bool, int)) else score),
            (names.GEN_AI_EVALUATION_LABEL, given["label"]),
            (names.GEN_AI_RESPONSE_ID, given["response_id"]),
        )
    )
    if isinstance(explanation, str) and explanation:
        cut = explanation[:LONGEST_EXPLANATION]
        said[names.GEN_AI_EVALUATION_EXPLANATION] = cut.encode("utf-8", "replace").decode()
    return said
