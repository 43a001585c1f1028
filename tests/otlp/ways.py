"""The three ways in for what people have: ``preview``, ``import`` and ``serve``, and what each makes of a file."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_agent_telemetry.cli import main
from tests.local.serving import JSON, PROTOBUF, Serving

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Outcome", "by_import", "by_preview", "by_serve", "call", "document"]

START = 1_795_298_968 * 10**9
Sums = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a way in made of a file: did it take it, calls with their tokens, how many spans were refused, its words."""

    taken: bool
    sums: Sums
    refused: int
    words: str


def call(number: int = 1, given: int = 100, made: int = 20, **changes: Any) -> dict[str, Any]:
    """A model call in OTLP/JSON, alone in a trace of its own."""
    attributes = [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "gpt-fake"),
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": str(given)}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": str(made)}},
    ]
    return {
        "traceId": f"{0xAB00 + number:032x}",
        "spanId": f"{0xCD00 + number:016x}",
        "name": "chat gpt-fake",
        "startTimeUnixNano": str(START + number * 10**9),
        "endTimeUnixNano": str(START + number * 10**9 + 10**8),
        **changes,
        "attributes": changes["attributes"] if "attributes" in changes else attributes + changes.pop("more", []),
    }


def text(key: str, value: str) -> dict[str, Any]:
    """An attribute that is text."""
    return {"key": key, "value": {"stringValue": value}}


def document(*spans: Any) -> dict[str, Any]:
    """A request with the spans."""
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "made"}, "spans": list(spans)}]}]}


def by_preview(file: Path) -> Outcome:
    """What ``preview --totals`` says."""
    done = CliRunner().invoke(main, ["preview", "--totals", str(file)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    sums: dict[str, Any] = json.loads(done.stdout) if done.exit_code == 0 else {}
    refused = done.stderr.count(" is left out: ")
    return Outcome(
        done.exit_code == 0, _sums([sums], "modelCalls", "inputTokens", "outputTokens"), refused, done.stderr
    )


def by_import(file: Path, db: Path) -> Outcome:
    """What ``import --json`` says, and ``usage`` after it."""
    done = CliRunner().invoke(main, ["import", "--json", "--db", str(db), str(file)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    used = CliRunner().invoke(main, ["usage", "--json", "--db", str(db)])
    refused = json.loads(done.stdout)["refused_spans"] if done.exit_code == 0 else 0
    return Outcome(done.exit_code == 0, _sums(json.loads(used.stdout)), refused, done.stderr)


def by_serve(file: Path, server: Serving) -> Outcome:
    """What the server answers to the file's content, and ``usage`` after it; lines are posted one by one."""
    content = file.read_bytes()
    packed = content[:2] == b"\x1f\x8b"
    plain = gzip.decompress(content) if packed else content
    is_lines = plain.count(b"\n{") > 0
    refused, words, taken = 0, "", True
    for body in plain.splitlines() if is_lines else [plain]:
        given = {"Content_Encoding": "gzip"} if packed else {}
        reply = server.post("/v1/traces", gzip.compress(body) if packed else body, _type(plain), **given)
        answer = reply.json() if _type(plain) == JSON else _read(reply.body)
        partial = answer.get("partialSuccess", {})
        refused += int(partial.get("rejectedSpans", 0))
        words += partial.get("errorMessage", "") + answer.get("message", "")
        taken = taken and reply.status == 200
    while server.store.settle():
        pass
    return Outcome(taken, _sums(server.get("/api/usage")["usage"]), refused, words)


def _type(content: bytes) -> str:
    return PROTOBUF if content[:1] == b"\n" else JSON


def _read(body: bytes) -> dict[str, Any]:
    return MessageToDict(ExportTraceServiceResponse.FromString(body))


def _sums(rows: list[dict[str, Any]], *keys: str) -> Sums:
    calls, given, made = (
        sum(row.get(key) or 0 for row in rows) for key in keys or ("calls", "input_tokens", "output_tokens")
    )
    return calls, given, made
