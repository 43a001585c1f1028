"""What instrumentations ask of the span that they are in."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN

import otel_agent_telemetry as telemetry


@pytest.mark.parametrize(
    ("attributes", "is_one"),
    [
        ({"gen_ai.operation.name": "chat"}, True),
        ({"gen_ai.operation.name": "embeddings"}, True),
        ({"openinference.span.kind": "LLM"}, True),
        ({"llm.request.type": "chat"}, True),
        ({"gen_ai.operation.name": "execute_tool"}, False),
        ({"http.request.method": "GET"}, False),
        ({}, False),
    ],
)
def test_a_model_call_is_known_in_every_dialect(attributes: dict[str, str], *, is_one: bool) -> None:
    """By its attributes, as soon as it has begun."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("span", attributes=attributes)
    assert telemetry.is_model_call(span) is is_one


def test_a_span_that_shows_nothing_is_none() -> None:
    """One that is not recorded has no attributes."""
    assert telemetry.is_model_call(INVALID_SPAN) is False
