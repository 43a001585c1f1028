"""The command ``agent-telemetry preview``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_agent_telemetry.cli import main
from tests.meaning.cases import CORPUS

_FILE = str(CORPUS / "pydantic_ai__multiagent.json")


def _preview(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["preview", *arguments])


def test_json_prints_one_body_a_line() -> None:
    """With ``--json`` each line is a request body of the proxy dialect."""
    bodies = [json.loads(line) for line in _preview(_FILE, "--json").stdout.splitlines()]
    assert [body["event"] for body in bodies] == [
        "session.started",
        "tool.called",
        "token.usage",
        "tool.called",
        "token.usage",
        "session.ended",
        "session.cost",
    ]


def test_docker_dialect() -> None:
    """With ``--dialect docker`` the bodies are docker-agent's."""
    bodies = [json.loads(line) for line in _preview(_FILE, "--json", "--dialect", "docker").stdout.splitlines()]
    records = [body["records"][0] for body in bodies]
    assert {(record["event"], record["properties"]["action"]) for record in records} >= {
        ("session", "start"),
        ("session", "end"),
        ("tool", "call"),
        ("token", "usage"),
    }


def test_totals_are_one_object() -> None:
    """With ``--totals`` one object says what the events add up to."""
    assert json.loads(_preview(_FILE, "--totals").stdout) == {
        "sessions": 1,
        "agentRuns": 2,
        "workflows": 0,
        "toolCalls": 2,
        "toolErrors": 0,
        "modelCalls": 4,
        "modelErrors": 0,
        "inputTokens": 600,
        "outputTokens": 150,
        "cacheReadTokens": 384,
        "cacheWriteTokens": 0,
        "reasoningTokens": 64,
    }


def test_for_a_reader() -> None:
    """Without options each event is a line: its name and its properties."""
    lines = _preview(_FILE).stdout.splitlines()
    assert lines[1] == lines[1].strip()
    assert lines[1].startswith('tool.called  toolName="custom" isSuccess=true durationMs=0 sessionId=')


def test_a_broken_line_goes_to_standard_error(tmp_path: Path) -> None:
    """A broken line is named on standard error; the others are printed, and the exit code is 0."""
    path = tmp_path / "spans.json"
    good = json.dumps(json.loads(Path(_FILE).read_text("utf-8")))
    path.write_text(f"{{\n{good}\n", encoding="utf-8")
    result = _preview(str(path), "--totals")
    assert (result.exit_code, result.stderr) == (
        0,
        f"{path}:1: skipped: not JSON: Expecting property name enclosed in double quotes at column 2\n",
    )


@pytest.mark.parametrize("arguments", [("--totals",), ("--json",), ()])
def test_an_empty_file(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """An empty file has no span; the exit code is 2, and nothing goes to standard output."""
    path = tmp_path / "empty.json"
    path.touch()
    result = _preview(str(path), *arguments)
    assert (result.exit_code, result.stdout, "holds no span" in result.stderr) == (2, "", True)


def test_a_file_that_is_not_there() -> None:
    """A file that cannot be read is an error that names it."""
    result = _preview("nowhere.json")
    assert (result.exit_code, "nowhere.json" in result.stderr) == (1, True)
