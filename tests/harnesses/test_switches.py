"""What makes a coding agent report, and that the user's own choice wins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.harnesses import HARNESSES, recognise
from otel_agent_telemetry.harnesses._switches import Prepared, prepare
from otel_agent_telemetry.harnesses._where import Where, local, where_to

if TYPE_CHECKING:
    from pathlib import Path

BASE = "http://127.0.0.1:4318"


def ready(line: str, folder: Path, where: Where | None = None, **variables: str) -> Prepared:
    """What is started for that command line, in a home and a folder of its own."""
    found = recognise(line.split())
    assert found is not None
    return prepare(found, line.split(), {"HOME": str(folder), **variables}, where or local(), str(folder))


@pytest.mark.parametrize("name", ["claude", "gemini", "qwen", "copilot", "opencode"])
def test_variables(name: str, tmp_path: Path) -> None:
    """All switches are set, with the place where telemetry goes; nothing else is."""
    found = ready(name, tmp_path).environment
    switches = HARNESSES[name].switches
    wanted = {"{endpoint}": BASE, "{protocol}": "http", "{otlp}": "http/protobuf"}
    assert found == {"HOME": str(tmp_path), **{key: wanted.get(value, value) for key, value in switches.items()}}


def test_codex(tmp_path: Path) -> None:
    """Codex takes its three exporters as settings before its subcommand, each with the whole path."""
    command = ready("codex exec hello", tmp_path).command
    assert command == [
        "codex",
        *("-c", f'otel.exporter={{otlp-http={{endpoint="{BASE}/v1/logs",protocol="binary"}}}}'),
        *("-c", f'otel.trace_exporter={{otlp-http={{endpoint="{BASE}/v1/traces",protocol="binary"}}}}'),
        *("-c", f'otel.metrics_exporter={{otlp-http={{endpoint="{BASE}/v1/metrics",protocol="binary"}}}}'),
        *("exec", "hello"),
    ]


def test_grpc(tmp_path: Path) -> None:
    """An operator whose collector takes gRPC is understood: Codex and Gemini have words of their own for it."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    where = where_to(variables)
    assert ready("codex", tmp_path, where, **variables).command[2] == (
        'otel.exporter={otlp-grpc={endpoint="http://c:4317"}}'
    )
    assert ready("gemini", tmp_path, where, **variables).environment["GEMINI_TELEMETRY_OTLP_PROTOCOL"] == "grpc"


@pytest.mark.parametrize("name", ["claude", "gemini", "qwen", "opencode"])
def test_a_variable_that_is_set(name: str, tmp_path: Path) -> None:
    """A variable that the user set stays as it is, also an empty one."""
    first = next(iter(HARNESSES[name].switches))
    assert ready(name, tmp_path, None, **{first: "own"}).environment[first] == "own"


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("claude", "CLAUDE_CODE_ENABLE_TELEMETRY", "0"),
        ("gemini", "GEMINI_TELEMETRY_ENABLED", "false"),
        ("qwen", "QWEN_TELEMETRY_ENABLED", "False"),
        ("copilot", "COPILOT_OTEL_ENABLED", "false"),
        ("opencode", "OTEL_SDK_DISABLED", "true"),
    ],
)
def test_switched_off(name: str, variable: str, value: str, tmp_path: Path) -> None:
    """Who switched its telemetry off gets nothing of ours."""
    done = ready(name, tmp_path, None, **{variable: value})
    assert done == Prepared([name], {"HOME": str(tmp_path), variable: value}, [])


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("codex", ".codex/config.toml", '[otel]\nexporter = "none"\n'),
        ("codex", ".codex/config.toml", "[otel.exporter.otlp-http]\nendpoint = 'x'\n"),
        ("gemini", ".gemini/settings.json", '{"telemetry": {"enabled": false}} // mine'),
        ("qwen", ".qwen/settings.json", '{"telemetry": {"target": "gcp"}}'),
        ("opencode", ".config/opencode/opencode.json", '{"experimental": {"openTelemetry": false}}'),
    ],
)
def test_settings_files(name: str, file: str, text: str, tmp_path: Path) -> None:
    """Who wrote it into a settings file gets what that says: our variables would win over the file."""
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert ready(name, tmp_path) == Prepared([name], {"HOME": str(tmp_path)}, [])


def test_other_settings_files(tmp_path: Path) -> None:
    """A settings file that says nothing about telemetry, or is broken, changes nothing."""
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "config.toml").write_text('model = "gpt-5"\n[tui]\notel_like = 1\n')
    assert len(ready("codex", tmp_path).command) == 7
    (tmp_path / ".gemini").mkdir()
    (tmp_path / ".gemini" / "settings.json").write_text("{")
    assert "GEMINI_TELEMETRY_ENABLED" in ready("gemini", tmp_path).environment


def test_codex_settings_on_the_command_line(tmp_path: Path) -> None:
    """Settings that the user gives on the command line are the only ones there."""
    assert ready("codex -c otel.exporter=none exec", tmp_path).command == ["codex", "-c", "otel.exporter=none", "exec"]


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        ('{"model": "x"}', '{"model": "x", "experimental": {"openTelemetry": true}}'),
        ('{"experimental": {"a": 1}}', '{"experimental": {"a": 1, "openTelemetry": true}}'),
        ('{"experimental": {"openTelemetry": false}}', '{"experimental": {"openTelemetry": false}}'),
        ("{", "{"),
    ],
)
def test_opencode_configuration(given: str, merged: str, tmp_path: Path) -> None:
    """The configuration of opencode is completed, and left alone where it says so already or cannot be read."""
    assert ready("opencode", tmp_path, OPENCODE_CONFIG_CONTENT=given).environment["OPENCODE_CONFIG_CONTENT"] == merged


def test_the_python_hook_stays_out(tmp_path: Path) -> None:
    """What `run` adds for Python programs does not reach the agent's shell commands; the user's own path does."""
    hook = "/x/opentelemetry/instrumentation/auto_instrumentation"
    ours = {"OTEL_PYTHON_DISTRO": "agent_telemetry", "OTEL_PYTHON_CONFIGURATOR": "agent_telemetry"}
    found = ready("copilot", tmp_path, None, PYTHONPATH=os.pathsep.join([hook, "/own"]), **ours).environment
    assert found == {"HOME": str(tmp_path), "PYTHONPATH": "/own", "OTEL_EXPORTER_OTLP_ENDPOINT": BASE}


@pytest.mark.parametrize("line", ["docker-agent run a.yaml", "npx @earendil-works/pi-coding-agent"])
def test_what_reports_nothing(line: str, tmp_path: Path) -> None:
    """One that reports nothing is started as it is, and its user is told in one line."""
    done = ready(line, tmp_path)
    assert (done.command, done.environment, len(done.remarks)) == (line.split(), {"HOME": str(tmp_path)}, 1)
    assert "reports nothing" in done.remarks[0]
