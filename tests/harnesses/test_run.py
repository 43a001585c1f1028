"""``agent-telemetry run -- CODING-AGENT``: a parent that changes nothing but what it tells."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import COMMAND, Done, environment, execute
from tests.lifecycle.acme import stored, told

if TYPE_CHECKING:
    from pathlib import Path

AGENT = """#!/bin/bash
env | sort >environment.txt
case "$3" in
waits) trap 'exit 143' TERM; trap 'exit 0' INT; echo here; while :; do sleep 0.05; done ;;
lines) cat lines.jsonl ;;
reads) cat ;;
line)
    while read -r _ _ _ _ group _ _ front _ <"/proc/$$/stat"; [ "$group" != "$front" ]; do sleep 0.05; done
    read -r line && echo "got $line" ;;
terminal) [ -t 0 ] && [ -t 1 ] && echo terminal ;;
dies) kill -SEGV $$ ;;
*) exit "$3" ;;
esac
"""
LINES: list[dict[str, object]] = [
    {"type": "system", "subtype": "init", "session_id": "s", "model": "claude-sonnet-4-5"},
    {"type": "result", "is_error": False, "session_id": "s", "terminal_reason": "completed", "usage": {}},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program called claude."""
    agent = tmp_path / "claude"
    agent.write_text(AGENT)
    agent.chmod(0o755)
    (tmp_path / "lines.jsonl").write_text("no line of JSON\n" + "\n".join(map(json.dumps, LINES)))
    return tmp_path


def variables(folder: Path, **given: str) -> dict[str, str]:
    """The environment of a product whose events stay in a ledger, and of an operator who has a collector."""
    ours = {"AGENT_TELEMETRY_PRODUCT": "acme-agents", "AGENT_TELEMETRY_STATE_DIR": str(folder / "state")}
    theirs = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    theirs |= {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", **given}
    return environment(PATH=f"{folder}:{os.environ['PATH']}", **ours, **theirs)


def run(folder: Path, what: str, *more: str, **given: str) -> Done:
    """Run it to its end."""
    here = {**variables(folder, **given), "PWD": str(folder)}
    return execute(["env", "-C", str(folder), *COMMAND, "run", "--", "claude", "-p", *(more or ("x",)), what], here)


def names(folder: Path) -> list[str]:
    """The events that were recorded."""
    return [told(json.loads(body)).event for body in stored(folder / "state")]


@pytest.mark.parametrize(("what", "code", "last"), [("0", 0, "completed"), ("7", 7, "failed"), ("dies", -11, "failed")])
def test_how_it_ends(what: str, code: int, last: str, folder: Path) -> None:
    """It leaves with the exit code of its program, or by its signal, and says nothing on either stream."""
    assert run(folder, what) == Done(code, "", "")
    assert names(folder)[-1] == f"task.{last}"


def test_standard_input_and_environment(folder: Path) -> None:
    """Its program reads what is given to it, and has no variable of Python's for us."""
    command = [*COMMAND, "run", "--", "claude", "-p", "x", "reads"]
    done = subprocess.run(
        command, env=variables(folder), cwd=folder, input=b"a\0b", stdout=subprocess.PIPE, check=True, timeout=30
    )
    inherited = (folder / "environment.txt").read_text()
    assert (done.stdout, "OTEL_PYTHON" in inherited, "auto_instrumentation" in inherited) == (b"a\0b", False, False)
    assert "CLAUDE_CODE_ENABLE_TELEMETRY=1" in inherited
    assert "TRACEPARENT=00-" in inherited


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_signals(number: signal.Signals, code: int, folder: Path) -> None:
    """A signal that it gets is passed on; the run was cancelled, also where its exit code says that all is well."""
    command = [*COMMAND, "run", "--", "claude", "-p", "x", "waits"]
    with subprocess.Popen(command, env=variables(folder), cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(number)
        assert process.wait(30) == code
    assert names(folder)[-1] == "task.cancelled"


def test_signals_that_are_ignored(folder: Path) -> None:
    """Under nohup a hangup is nothing to it; its end is seen also where whoever started it ignores SIGCHLD."""
    pipe = subprocess.PIPE
    ignoring = ["sh", "-c", "trap '' HUP CHLD; exec \"$@\"", "sh"]
    command = [*ignoring, *COMMAND, "run", "--", "claude", "-p", "x", "reads"]
    with subprocess.Popen(command, env=variables(folder), cwd=folder, stdin=pipe, stdout=pipe) as process:
        while not (folder / "environment.txt").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        assert process.communicate(b"a", timeout=30) == (b"a", None)
    assert (process.returncode, names(folder)[-1]) == (0, "task.completed")


def test_a_terminal(folder: Path) -> None:
    """On a terminal its program has that terminal."""
    ours, theirs = pty.openpty()
    command = [*COMMAND, "run", "--", "claude", "-p", "x", "terminal"]
    process = subprocess.Popen(
        command, env=variables(folder), cwd=folder, stdin=theirs, stdout=theirs, start_new_session=True
    )
    os.close(theirs)
    assert process.wait(30) == 0
    assert b"terminal\r\n" in os.read(ours, 1000)
    os.close(ours)


def test_a_job_that_is_brought_to_the_front(folder: Path) -> None:
    """Started in the background of a terminal and brought to the front, its program reads what is typed there."""
    ours, theirs = pty.openpty()
    job = shlex.join([*COMMAND, "run", "--", "claude", "-p", "x", "line"])
    started = "until [ -e environment.txt ]; do sleep 0.05; done"
    command = ["setsid", "--ctty", "bash", "-mc", f"{job} & {started}; fg"]
    process = subprocess.Popen(command, env=variables(folder), cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"hello\n")
    try:
        assert process.wait(60) == 0
        assert b"got hello\r\n" in os.read(ours, 1000)
    finally:
        os.close(ours)  # which ends all of it
        process.wait(30)


def test_json_lines(folder: Path) -> None:
    """Where its output is JSON lines and no terminal, it passes as it is, and the session is known."""
    done = run(folder, "lines", "--output-format=stream-json")
    assert done.out == (folder / "lines.jsonl").read_text()
    assert names(folder)[2:] == ["session.started", "session.ended", "task.session_completed", "task.completed"]


def test_opted_out(folder: Path) -> None:
    """Opted out and with no collector, its program is all that runs, with its own environment."""
    given = {"DO_NOT_TRACK": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_TRACES_EXPORTER": ""}
    done = run(folder, "5", **given)
    assert (done.code, done.out, (folder / "state").exists()) == (5, "", False)
    assert "TRACEPARENT" not in (folder / "environment.txt").read_text()
