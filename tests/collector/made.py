"""Spans made for a test, as OTLP JSON."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any


def trace_id() -> str:
    """A new trace id."""
    return secrets.token_hex(16)


def span(
    trace: str, *, name: str = "chat", seconds: float = 0.1, is_error: bool = False, **attributes: object
) -> dict[str, Any]:
    """A span of that trace that ends now; ``__`` in an attribute's name stands for a dot."""
    end = time.time_ns()
    return {
        "traceId": trace,
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(end - int(seconds * 1e9)),
        "endTimeUnixNano": str(end),
        "status": {"code": 2} if is_error else {},
        "attributes": [{"key": key.replace("__", "."), "value": _value(value)} for key, value in attributes.items()],
    }


def model_call(trace: str, *, tokens: tuple[int, int] = (100, 20), **more: Any) -> dict[str, Any]:
    """A span for a model call that used so many input and output tokens."""
    given, made = tokens
    return span(
        trace,
        gen_ai__operation__name="chat",
        gen_ai__request__model="gpt-4o",
        gen_ai__provider__name="openai",
        gen_ai__usage__input_tokens=given,
        gen_ai__usage__output_tokens=made,
        **more,
    )


def request(*spans: dict[str, Any]) -> bytes:
    """An OTLP JSON request that carries them."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "support-agent"}}]}
    scopes = [{"scope": {"name": "tests"}, "spans": list(spans)}]
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}).encode()


def _value(value: object) -> dict[str, object]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
