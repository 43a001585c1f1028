from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import ROOT, Done, agent_telemetry, environment, execute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder


def test_all_is_well(recorder: Recorder, tmp_path: Path) -> None:
    """With all in order each line begins with ok, the exit code is 0, and nothing is sent or made."""
    given = {"AGENT_TELEMETRY_ENDPOINT": recorder.url, "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.url}
    done = agent_telemetry("doctor", "--state-dir", tmp_path / "state", **given)
    names = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "requests")
    assert done.out.splitlines()[:-1] == [
        f"ok     settings      events are written in the proxy dialect and go to {recorder.url}",
        "ok     consent       on (default: no rule switches it off)",
        f"ok     state         {tmp_path / 'state'}",
        "ok     operator      an exporter of your own is configured by OTEL_* variables",
        *(f"ok     installed     {name} {version(name)}" for name in names),
    ]
    assert done.out.splitlines()[-1].startswith("ok     installed     instrumentations: ")
    assert (done.code, done.err, recorder.requests, [*tmp_path.iterdir()]) == (0, "", [], [])


def test_nothing_is_set(tmp_path: Path) -> None:
    """Without settings it says what that means, and that being off is in order."""
    done = agent_telemetry("doctor", "--state-dir", tmp_path, DO_NOT_TRACK="1")
    lines = [line for line in done.out.splitlines() if "installed" not in line]
    nowhere = "nowhere: AGENT_TELEMETRY_ENDPOINT is not set, so events stay in the ledger"
    assert (done.code, lines) == (
        0,
        [
            f"ok     settings      events are written in the proxy dialect and go to {nowhere}",
            "ok     consent       off (DO_NOT_TRACK: DO_NOT_TRACK=1)",
            f"ok     state         {tmp_path}",
            "ok     operator      no exporter of your own; `agent-telemetry serve` shows traces on this machine",
        ],
    )


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "AGENT_TELEMETRY_ENDPOINT",
            "http://telemetry.example",
            "configure(endpoint=) is 'http://telemetry.example'; expected https",
        ),
        ("AGENT_TELEMETRY_DIALECT", "latin", "configure(dialect=) is 'latin'; expected one of proxy, docker."),
        ("AGENT_TELEMETRY_SYNC", "perhaps", "configure(synchronous=) is 'perhaps'; expected 1 or 0."),
    ],
)
def test_a_wrong_setting(variable: str, value: str, words: str) -> None:
    """A wrong setting is named with its value and what it may be, and the exit code is 1."""
    done = agent_telemetry("doctor", **{variable: value})
    assert (done.code, done.err, done.out.startswith(f"wrong  settings      {variable} or {words}")) == (1, "", True)


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    """A state directory that cannot be written is named, with the variable that changes it, and the exit code is 1."""
    (tmp_path / "file").touch()
    state = tmp_path / "file" / "state"
    done = agent_telemetry("doctor", AGENT_TELEMETRY_STATE_DIR=state)
    line = f"wrong  state         {state} cannot be written; set AGENT_TELEMETRY_STATE_DIR to a folder that can"
    assert (done.code, line in done.out.splitlines()) == (1, True)


def test_without_framework_modules(bare_site: str) -> None:
    """Where the framework modules are missing it says how to get them, and that is no failure."""
    command = [sys.executable, "-S", "-m", "otel_agent_telemetry", "doctor"]
    done = execute(command, environment(PYTHONPATH=os.pathsep.join([bare_site, str(ROOT)])))
    line = "note   installed     no framework modules; pip install 'otel-agent-telemetry[instrument]'"
    assert (done.code, done.err, done.out.splitlines()[-1]) == (0, "", line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evnts"], "no command 'evnts'; did you mean `agent-telemetry events`?"),
        (["statsu", "--json"], "no command 'statsu'; did you mean `agent-telemetry status`?"),
        (["zzz"], "no command 'zzz'; `agent-telemetry --help` lists them."),
    ],
)
def test_an_unknown_command(arguments: list[str], words: str) -> None:
    """An unknown command is wrong use, and the nearest one is suggested."""
    done = agent_telemetry(*arguments)
    assert (done.code, done.out, done.err.splitlines()[-1]) == (2, "", f"Error: {words}")


def test_the_version() -> None:
    """``--version`` prints the distribution's version."""
    assert agent_telemetry("--version") == Done(0, f"agent-telemetry, version {version('otel-agent-telemetry')}\n", "")


def test_help_lists_the_commands() -> None:
    """``--help`` lists every command with what it does."""
    done = agent_telemetry("--help")
    commands = "run serve traces show sessions usage diff tail export import preview events status on off forget"
    listed = {line.split()[0] for line in done.out.partition("Commands:")[2].splitlines() if line.strip()}
    assert (done.code, done.err, {*commands.split(), "schema", "doctor", "demo"} - listed) == (0, "", set())


def test_an_unknown_schema_format() -> None:
    """``schema`` prints JSON or Markdown, and says so."""
    done = agent_telemetry("schema", "--format", "yaml")
    assert (done.code, done.out, "'json', 'markdown'" in done.err) == (2, "", True)
