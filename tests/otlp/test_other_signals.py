"""Logs and metrics are read with the tolerance that spans get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from otel_agent_telemetry.cli import main
from otel_agent_telemetry.otlp._requests import from_document
from otel_agent_telemetry.otlp._signals import LOGS, METRICS, TRACES, Signal
from tests.local.serving import JSON, PROTOBUF, Serving
from tests.otlp.ways import call

if TYPE_CHECKING:
    from pathlib import Path

POINT = {"timeUnixNano": "1795298968000000000", "asInt": "7"}
GOOD: dict[str, dict[str, Any]] = {
    "logs": {"timeUnixNano": "1795298968000000000", "body": {"stringValue": "said"}},
    "metrics": {"name": "calls", "gauge": {"dataPoints": [POINT]}},
}
BAD: dict[str, dict[str, Any]] = {
    "logs": {**GOOD["logs"], "attributes": 7},
    "metrics": {**GOOD["metrics"], "name": 7},
}
REJECTED = {"logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
SIGNALS = {"logs": LOGS, "metrics": METRICS}


def document(what: str, *records: object) -> dict[str, Any]:
    """A request of a signal."""
    outer, scopes, inner = {
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    }[what]
    return {outer: [{scopes: [{inner: list(records)}]}]}


def in_protobuf(signal: Signal, good: dict[str, Any], **text: str) -> bytes:
    """A request with a good record and one with a text that is not UTF-8."""
    made = from_document(signal.request, document(signal.captured, good, {**good, **text}))
    return made.SerializeToString().replace(b"AAAA", b"a\xff\xfeb")


@pytest.mark.parametrize("what", GOOD)
def test_a_bad_record_is_counted_and_its_batch_is_kept(what: str, tmp_path: Path) -> None:
    """The server stores the other record and answers how many it rejected, and why."""
    with Serving(tmp_path / "x.sqlite") as server:
        body = json.dumps(document(what, GOOD[what], BAD[what])).encode()
        partial = server.post(f"/v1/{what}", body, JSON).json()["partialSuccess"]
        assert (server.count(what), partial[REJECTED[what]]) == (1, "1")
    assert partial["errorMessage"].startswith(f"a {SIGNALS[what].said} is left out: Failed to parse ")


@pytest.mark.parametrize(("what", "text"), [("logs", {"severityText": "AAAA"}), ("metrics", {"unit": "AAAA"})])
def test_text_that_is_not_utf8(what: str, text: dict[str, str], tmp_path: Path) -> None:
    """In protobuf such a record is refused, and the other one is stored."""
    with Serving(tmp_path / "x.sqlite") as server:
        reply = server.post(f"/v1/{what}", in_protobuf(SIGNALS[what], GOOD[what], **text), PROTOBUF)
        assert (reply.status, b"not UTF-8" in reply.body, server.count(what)) == (200, True, 1)


@pytest.mark.parametrize("what", GOOD)
def test_import_counts_what_it_left_out(what: str, tmp_path: Path) -> None:
    """``--json`` has the stored and the refused of every signal."""
    file = tmp_path / "in.json"
    file.write_text(json.dumps(document(what, GOOD[what], BAD[what])))
    done = CliRunner().invoke(main, ["import", str(file), "--json", "--db", str(tmp_path / "x.sqlite")])
    counted = {key: count for key, count in json.loads(done.stdout).items() if count}
    assert counted == {what: 1, f"refused_{what}": 1}


@pytest.mark.parametrize("what", GOOD)
def test_a_file_in_protobuf(what: str, tmp_path: Path) -> None:
    """A request of logs or of metrics is known by its records."""
    file = tmp_path / "in.pb"
    file.write_bytes(from_document(SIGNALS[what].request, document(what, GOOD[what])).SerializeToString())
    done = CliRunner().invoke(main, ["import", str(file), "--json", "--db", str(tmp_path / "x.sqlite")])
    assert {key: count for key, count in json.loads(done.stdout).items() if count} == {what: 1}


def test_the_libraries_of_old_senders(tmp_path: Path) -> None:
    """In protobuf, ``instrumentation_library_spans`` beside ``scope_spans`` had the number 1000 (OTLP 0.15 to 0.19)."""
    span = from_document(TRACES.record, call()).SerializeToString()
    scope = b"\x12" + bytes([len(span) & 0x7F | 0x80, len(span) >> 7]) + span
    resource = b"\xc2\x3e" + bytes([len(scope) & 0x7F | 0x80, len(scope) >> 7]) + scope
    body = b"\x0a" + bytes([len(resource) & 0x7F | 0x80, len(resource) >> 7]) + resource
    with Serving(tmp_path / "x.sqlite") as server:
        assert (server.post("/v1/traces", body, PROTOBUF).body, server.count("spans")) == (b"", 1)
