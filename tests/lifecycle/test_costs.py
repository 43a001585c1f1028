"""What is not done, because nobody would see it, is told all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lifecycle.programs import allowed, result

if TYPE_CHECKING:
    from pathlib import Path

SETUP = """
import json, os
import otel_agent_telemetry as telemetry
telemetry.configure()
"""
SHOW = """
telemetry.flush(0)
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
path = ledger_file(os.environ["AGENT_TELEMETRY_STATE_DIR"], "acme-agents")
bodies = [json.loads(entry.body) for entry in Ledger(path).events()]
print(json.dumps([[body["event"], body["properties"]] for body in bodies]))
"""
OPENED = "call = telemetry.tool('search').start()\n"


def calls(program: str, folder: Path, **variables: object) -> list[dict[str, Any]]:
    """What a program tells of its tool calls."""
    told = result(SETUP + program + SHOW, variables={**allowed(folder), **variables})
    return [properties for name, properties in told if name == "tool.called"]


def test_a_tool_call_that_never_ends_is_told(tmp_path: Path) -> None:
    """A call that is open when the program ends is told of as unknown, although its beginning was nobody's work."""
    told = calls(OPENED + "telemetry.shutdown(5)\n", tmp_path)
    assert [(call["isSuccess"], call["errorCategory"]) for call in told] == [(False, "unknown")]


@pytest.mark.parametrize(
    "meanwhile",
    [
        "",
        "telemetry.flush(0)",
        "if (child := os.fork()) == 0: telemetry.shutdown(5); os._exit(0)\nos.waitpid(child, 0)",
    ],
    ids=["nothing", "flush", "fork"],
)
def test_a_tool_call_is_told_once(tmp_path: Path, meanwhile: str) -> None:
    """Whatever happens between its beginning and its end, and at the end of the program."""
    told = calls(f"{OPENED}{meanwhile}\ncall.end()\ntelemetry.shutdown(5)\n", tmp_path)
    assert [call["isSuccess"] for call in told] == [True]


def test_a_tool_call_is_told_once_by_a_program_that_says_late_what_it_is(tmp_path: Path) -> None:
    """The stream that takes over knows of it, also where it never ends."""
    late = "telemetry.configure(product='acme-agents')\n"
    ended = calls(f"{OPENED}{late}call.end()\ntelemetry.shutdown(5)\n", tmp_path / "ended", AGENT_TELEMETRY_PRODUCT="")
    open_ = calls(f"{OPENED}{late}telemetry.shutdown(5)\n", tmp_path / "open", AGENT_TELEMETRY_PRODUCT="")
    assert [[call["isSuccess"] for call in told] for told in (ended, open_)] == [[True], [False]]


def test_a_tool_call_open_at_an_opt_out_is_not_told(tmp_path: Path) -> None:
    """What was begun is forgotten with everything else."""
    away = "os.environ['DO_NOT_TRACK'] = '1'\ntelemetry.track_tool('other')\ntelemetry.flush(0)\n"
    back = "del os.environ['DO_NOT_TRACK']\ntelemetry.shutdown(5)\n"
    assert calls(OPENED + away + back, tmp_path) == []


EVENT = """
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_agent_telemetry.pipeline.operator.sampling import RecordAll
seen, sampled, should_sample = InMemorySpanExporter(), [], RecordAll.should_sample
RecordAll.should_sample = lambda *given, **named: sampled.append(given[3]) or should_sample(*given, **named)
if listens:
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(seen))
if again:
    telemetry.configure()
telemetry.track("tool.called", toolName="search", isSuccess=False, durationMs=1, errorType="TimeoutError")
with telemetry.session(id="s-1", agent="a"):
    telemetry.track("tool.called", toolName="search", isSuccess=True, durationMs=1)
    telemetry.track("task.created", taskId="t-1", tags=["one", "two"], priority=2**70, undeclared="x" * 300)
telemetry.flush(0)
assert len(seen.get_finished_spans()) == (len(sampled) if listens else 0)
assert sampled == (["tool.called", "session a", "tool.called", "task.created"] if listens else ["session a"]), sampled
"""


@pytest.mark.parametrize("again", [False, True], ids=["once", "configured again"])
def test_an_event_is_told_alike_with_and_without_a_span(tmp_path: Path, *, again: bool) -> None:
    """It is a span where a processor of the host's is there to see it; what is told of it is the same."""
    told: list[list[Any]] = []
    for listens in (True, False):
        program = f"{SETUP}listens, again = {listens}, {again}{EVENT}{SHOW}"
        events = result(program, variables=allowed(tmp_path / str(listens)))
        told.append([event for event in events if event[0] in {"tool.called", "task.created"}])
    heard, alone = told
    assert [name for name, _ in alone] == ["tool.called", "tool.called", "task.created"]
    assert [keys(event) for event in alone] == [keys(event) for event in heard]


def keys(event: list[Any]) -> tuple[str, dict[str, Any]]:
    """An event without the references, whose key each installation has for itself; that they are there."""
    name, properties = event
    references = {"sessionId", "taskId", "agentId"}
    return name, {key: bool(value) if key in references else value for key, value in properties.items()}
