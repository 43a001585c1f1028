"""HTTP clients, databases and caches below a tool: each call is one span, and no model call shows twice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import PYTHON, Program
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path

    from examples.scripted_model import ModelServer
    from tests.instrumentation.program import Span

pytestmark = pytest.mark.matrix
if sys.executable == PYTHON:
    absent("client libraries", "make test-frameworks")

BELOW_THE_TOOL = {
    "opentelemetry.instrumentation.aiohttp_client": "GET",
    "opentelemetry.instrumentation.asyncpg": "SELECT",
    "opentelemetry.instrumentation.httpx": "GET",
    "opentelemetry.instrumentation.psycopg": "SELECT",
    "opentelemetry.instrumentation.redis": "SET",
    "opentelemetry.instrumentation.requests": "GET",
    "opentelemetry.instrumentation.sqlalchemy": "SELECT",
    "opentelemetry.instrumentation.urllib3": "GET",
}
"""Scope -> the first word of its span's name."""


def run(home: Path, model: ModelServer, redis: str, postgres: str, content: str) -> tuple[list[Span], bytes, bytes]:
    """The spans, and what the operator's collector and the maintainers were told, byte for byte."""
    variables = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model.url,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": content,
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "",
    }
    with Program(home=home, variables=variables) as program:
        folder = postgres.partition("host=")[2].partition(" ")[0]
        arguments = (model.url.removesuffix("/v1"), redis, f"postgresql://telemetry@/postgres?host={folder}")
        assert program.run("-m", "with_clients", *arguments, timeout=100) == 0, program.printed()
        told = b"".join(each.body for each in program.receiver.requests)
        return program.spans, told, repr(program.events).encode()


@pytest.mark.parametrize(("content", "is_told"), [("false", False), ("true", True)])
def test_what_a_tool_asks_is_below_it(
    tmp_path: Path, model: ModelServer, redis: str, postgres: str, content: str, *, is_told: bool
) -> None:
    """Every client's call is below the tool; queries, query strings and passwords are told only where content is."""
    spans, told, events = run(tmp_path, model, redis, postgres, content)
    (tool,) = (span for span in spans if span.name.startswith("execute_tool"))
    below = [span for span in spans if span.parent_id == tool.id]
    assert {span.scope: span.name.split()[0] for span in below if span.name != "connect"} == BELOW_THE_TOOL
    calls = {span.id for span in spans if span.name.startswith("chat")}
    assert (len(calls), [span.name for span in spans if span.parent_id in calls]) == (2, [])
    assert {span.parent_id for span in spans if span.scope in BELOW_THE_TOOL} == {tool.id}
    assert (b"canary" in told, b"canary" in events) == (is_told, False)
