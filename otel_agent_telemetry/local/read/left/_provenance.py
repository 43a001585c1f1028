"""From what on a span each property of an anonymous event is made."""

from __future__ import annotations

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import attributes_of

__all__ = ["DURATION", "property_sources"]

DURATION = "the span's start and end"
_OUTCOME = (semconv.AGENT_OUTCOME, "the span's status code")
_ERROR = (semconv.ERROR_TYPE, semconv.EXCEPTION_TYPE, "http.response.status_code")
_COUNTED = "a count of the spans below"

_WORKED_OUT: dict[str, tuple[str, ...]] = {
    "durationMs": (DURATION,),
    "isSuccess": _OUTCOME,
    "isError": _OUTCOME,
    "errorCategory": _ERROR,
    "errors": _ERROR,
    "wasRateLimited": _ERROR,
    "costIsEstimate": ("the list of prices",),
    **dict.fromkeys(
        ("tasksProcessed", "agentRuns", "toolCalls", "modelCalls", "modelErrors", "errorCount", "numTurns"), (_COUNTED,)
    ),
}
_ENVELOPE = ("the product's own settings",)


def property_sources(event: str, name: str) -> list[str]:
    """The attributes, or the words for what is no attribute, that a property of that event is made from."""
    sources = [*attributes_of(event, name), *_WORKED_OUT.get(name, ())]
    if sources:
        return sources
    return [f"{semconv.AGENT_EVENT_PROPERTY}{name}"] if event else [*_ENVELOPE]
