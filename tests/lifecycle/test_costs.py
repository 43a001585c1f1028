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
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, ledger_file
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
