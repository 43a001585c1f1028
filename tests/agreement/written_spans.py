"""OTLP/JSON spans from numbers: trace 7's span 3 runs for so many milliseconds after the epoch of these tests."""

from __future__ import annotations

from typing import Any

EPOCH_MS = 1_797_417_000_000


def span(
    number: int,
    start: float,
    end: float | None,
    attributes: dict[str, object],
    *,
    parent: int = 0,
    trace: int = 1,
    scope: str = "shop.assistant",
    error: str | None = None,
) -> dict[str, Any]:
    """A span, with its scope beside it; ``error`` is the type of the exception that it failed with, if it did."""
    written: dict[str, Any] = {
        "scope": scope,
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": "work",
        "startTimeUnixNano": _ns(start),
        "attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()],
    }
    if parent:
        written["parentSpanId"] = f"{parent:016x}"
    if end is not None:
        written["endTimeUnixNano"] = _ns(end)
    if error is not None:
        raised = [{"key": "exception.type", "value": {"stringValue": error}}]
        written["status"] = {"code": 2}
        written["events"] = [{"name": "exception", "attributes": raised}]
    return written


def request(*spans: dict[str, Any]) -> dict[str, Any]:
    """A request with the spans, in their order."""
    scopes = [
        {
            "scope": {"name": each["scope"]},
            "spans": [{key: value for key, value in each.items() if key != "scope"}],
        }
        for each in spans
    ]
    return {"resourceSpans": [{"scopeSpans": scopes}]}


def _ns(milliseconds: float) -> str:
    return str(EPOCH_MS * 1_000_000 + int(milliseconds * 1_000_000))


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}
