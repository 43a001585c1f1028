"""Threads that a session starts, with OpenTelemetry's instrumentation of ``threading``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from examples.scripted_model import ModelServer
from tests.instrumentation.program import OURS, Program, needs
from tests.matrix.model import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("openai-agents", "opentelemetry-instrumentation-genai-openai")

EACH = {"modelCalls": 6, "inputTokens": 720}
"""Of one session: the agent asks twice, its tool from a thread, from a timer and twice from a pool."""


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Two conversations at once."""
    server = ModelServer(slow_seconds=3)
    variables = {
        "OPENAI_BASE_URL": server.url,
        "MODEL_API_KEY": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "",
    }
    with serving(server), Program(home=tmp_path_factory.mktemp("threads"), variables=variables) as program:
        assert program.run("-m", "agents_threads", timeout=50) == 0, program.printed()
        yield program


def test_events_count_them_to_the_session(talks: Program) -> None:
    """Each conversation has the calls of its own threads, and none is left without one."""
    ended = [each["properties"] for each in talks.events if each["event"] == "session.ended"]
    used = [each["properties"] for each in talks.events if each["event"] == "token.usage"]
    assert [{name: each[name] for name in EACH} for each in ended] == [EACH, EACH]
    assert {each["sessionId"] for each in used} == {each["sessionId"] for each in ended}


def test_the_store_counts_them_to_the_session(talks: Program, tmp_path: Path) -> None:
    """The spans, as the operator's collector got them, read on this machine."""
    file, db = tmp_path / "spans.jsonl", ("--db", str(tmp_path / "traces.sqlite"))
    bodies = [each.body for each in talks.receiver.requests if each.path == "/otlp/v1/traces"]
    lines = [json.dumps(MessageToDict(ExportTraceServiceRequest.FromString(body))) for body in bodies]
    file.write_text("\n".join(lines), "utf-8")

    def ask(*command: str) -> bytes:
        return subprocess.check_output([sys.executable, "-m", OURS, *command, *db])

    ask("import", str(file))
    sessions: list[dict[str, Any]] = json.loads(ask("sessions", "--json"))
    told = {each["session"]: (each["calls"], each["input_tokens"]) for each in sessions}
    assert told == dict.fromkeys(("left", "right"), tuple(EACH.values()))
