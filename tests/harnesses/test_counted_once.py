"""A coding agent's own telemetry and what its parent read of its output, in one store: each figure counts once."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_agent_telemetry.harnesses import Harness
from tests.agreement.readings import from_both_sides
from tests.agreement.totals import WORK
from tests.harnesses.test_readers import COMMANDS
from tests.lifecycle.acme import Operator
from tests.parts import absent

CORPUS = Path(os.environ.get("AGENT_TELEMETRY_HARNESS_CORPUS") or "/nowhere")
_IDS = ("traceId", "spanId", "parentSpanId")


def in_hex(value: Any) -> Any:
    """The same with ids as OTLP JSON has them."""
    if isinstance(value, dict):
        pairs: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType] - parsed JSON
        return {key: b64decode(each).hex() if key in _IDS else in_hex(each) for key, each in pairs.items()}
    return [in_hex(each) for each in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType] - parsed JSON


def read_by_its_parent(path: Path) -> dict[str, Any]:
    """The spans of a service that started it, as a request."""
    name = path.name.partition("__")[0]
    with Operator() as operator:
        run = Harness(operator.calls, COMMANDS[name].split(), task="job", read=True, env={}).begin()
        run.feed((CORPUS / "stdout" / f"{path.stem}.stdout").read_bytes())
        run.end(0)
        return in_hex(MessageToDict(encode_spans(operator.spans), use_integers_for_enums=True))


@pytest.mark.parametrize("name", ["claude__subagent", "codex__ok", "gemini__ok", "qwen__ok", "opencode__ok"])
def test_both(name: str) -> None:
    """With both there is what its own telemetry says, whichever comes first; without that the parent's counts."""
    path = CORPUS / f"{name}.json"
    if not path.exists():
        absent("harness corpus", "AGENT_TELEMETRY_HARNESS_CORPUS=folder with captures of coding agents")
    captured = json.loads(path.read_text())
    own = [request for signal in ("traces", "logs", "metrics") for request in captured[signal]]
    read = read_by_its_parent(path)
    alone = {
        way: {each: totals[each] for each in WORK if each in totals} for way, totals in from_both_sides(own).items()
    }
    for requests in ([*own, read], [read, *own]):
        both = from_both_sides(requests)
        assert {way: {each: both[way][each] for each in known} for way, known in alone.items()} == alone
    side = 110 if name == "opencode__ok" else 0  # the call for the title, which it does not print
    alone = {totals["input"] for totals in from_both_sides([read]).values() if "input" in totals}
    assert alone == {captured["meta"]["truth"]["input"] - side}
