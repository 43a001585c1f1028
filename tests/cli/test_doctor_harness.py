"""What `doctor` says of a coding agent: where each signal goes, what to change, and which of them arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.harnesses._plan import plan
from tests.cli.command import Done, agent_telemetry

if TYPE_CHECKING:
    from pathlib import Path

HTTP = "http://127.0.0.1:4318"
CLAUDE = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_ENDPOINT": HTTP,
}
GEMINI = {
    "GEMINI_TELEMETRY_ENABLED": "true",
    "GEMINI_TELEMETRY_OTLP_ENDPOINT": HTTP,
    "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
    "GEMINI_TELEMETRY_TRACES_ENABLED": "true",
}
ALL = {signal: f"{HTTP}/v1/{signal}" for signal in ("traces", "logs", "metrics")}
WRONG = [
    ("claude", {**CLAUDE, "OTEL_EXPORTER_OTLP_PROTOCOL": "protobuf"}, "OTEL_EXPORTER_OTLP_PROTOCOL is 'protobuf'"),
    ("claude", {**CLAUDE, "CLAUDE_CODE_ENABLE_TELEMETRY": "0"}, "CLAUDE_CODE_ENABLE_TELEMETRY is '0'"),
    ("claude", {**CLAUDE, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, "takes OTLP over gRPC"),
    ("claude", {**CLAUDE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "takes OTLP over HTTP"),
    ("codex", {"OTEL_EXPORTER_OTLP_ENDPOINT": HTTP}, "Codex takes no OTEL_* variables"),
    ("gemini", {**GEMINI, "GEMINI_TELEMETRY_OTLP_PROTOCOL": ""}, "its default, grpc, reaches no port 4318"),
    ("gemini", {**GEMINI, "GEMINI_TELEMETRY_OUTFILE": "/x"}, "writes it to a file instead"),
    ("qwen", {"QWEN_TELEMETRY_ENABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": HTTP}, "QWEN_TELEMETRY_OTLP_ENDPOINT"),
    ("copilot", {"COPILOT_OTEL_ENABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": HTTP}, "COPILOT_OTEL_ENABLED"),
]


def sent(name: str, home: Path, **variables: str) -> dict[str, str]:
    """Where each signal goes; nothing for one that is not sent."""
    return {signal: each.to for signal, each in plan(name, {"HOME": str(home), **variables}, str(home)).items()}


def test_all_is_sent(tmp_path: Path) -> None:
    """With everything set, each signal has its address."""
    assert sent("claude", tmp_path, **CLAUDE) == ALL
    assert sent("gemini", tmp_path, **GEMINI) == ALL
    assert sent("copilot", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=HTTP) == {**ALL, "logs": ""}
    assert sent("opencode", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=HTTP) == {**ALL, "metrics": ""}


@pytest.mark.parametrize(("name", "variables", "words"), WRONG)
def test_what_keeps_it_away(name: str, variables: dict[str, str], words: str, tmp_path: Path) -> None:
    """What keeps a signal away is named, with what to write instead."""
    found = plan(name, {"HOME": str(tmp_path), **variables}, str(tmp_path))["metrics"]
    assert (found.to, words in found.why) == ("", True), found


def test_a_settings_file_that_wins(tmp_path: Path) -> None:
    """Claude's settings file wins over the environment, the project's over the user's; file and line are named."""
    for folder, value in ((".claude", "none"), ("project/.claude", "console")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "settings.json").write_text(f'{{\n "env": {{\n  "OTEL_LOGS_EXPORTER": "{value}"\n }}\n}}')
    found = plan("claude", {"HOME": str(tmp_path), **CLAUDE}, str(tmp_path / "project"))["logs"]
    file = tmp_path / "project" / ".claude" / "settings.json"
    assert found.why == f"OTEL_LOGS_EXPORTER is 'console' in {file}:3; set it to otlp"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('exporter = { otlp-http = { endpoint = "http://c:4318/v1/logs", protocol = "binary" } }', ""),
        ('exporter = { otlp-http = { endpoint = "http://c:4318", protocol = "binary" } }', "the whole path"),
        ('exporter = "none"', "names no endpoint"),
    ],
)
def test_codex_configuration(line: str, words: str, tmp_path: Path) -> None:
    """Codex' own file is read: an endpoint needs its whole path."""
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "config.toml").write_text(f"[otel]\n{line}\n")
    found = plan("codex", {"HOME": str(tmp_path)}, str(tmp_path))["logs"]
    assert (bool(found.to), words in found.why) == (not words, True), found


AGENT = """#!/bin/bash
address=${OTEL_EXPORTER_OTLP_ENDPOINT#http://}
for signal in traces logs; do
    exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
    printf 'POST /v1/%s HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n' "$signal" >&3
    read -r _ <&3
done
"""


def examined(home: Path, *arguments: str) -> Done:
    """What `doctor claude` says where a program of that name sends traces and logs."""
    agent = home / "bin" / "claude"
    agent.parent.mkdir()
    agent.write_text(AGENT)
    agent.chmod(0o755)
    path = f"{agent.parent}:/usr/bin:/bin"
    return agent_telemetry(
        "doctor", "claude", *arguments, HOME=home, PATH=path, OTEL_EXPORTER_OTLP_HEADERS="key=SECRET"
    )


def test_a_probe(tmp_path: Path) -> None:
    """The probe ends by telling which of the three signals arrived; one that did not is something to look at."""
    done = examined(tmp_path)
    assert [line.split(maxsplit=2) for line in done.out.splitlines()[-4:]] == [
        ["ok", "probe", "exit code 0"],
        ["ok", "traces", "arrived"],
        ["ok", "logs", "arrived"],
        ["wrong", "metrics", "did not arrive"],
    ]
    assert (done.code, done.err, "SECRET" in done.out) == (1, "", False)


def test_settings_alone(tmp_path: Path) -> None:
    """With --no-probe it is not started, and nothing that was never asked for counts as wrong."""
    done = examined(tmp_path, "--no-probe")
    assert (done.code, "probe" in done.out, "CLAUDE_CODE_ENABLE_TELEMETRY is not set" in done.out) == (0, False, True)


def test_one_that_is_not_there(tmp_path: Path) -> None:
    """What is not installed is named, with the command that brings it; another name is wrong use."""
    done = agent_telemetry("doctor", "qwen", HOME=tmp_path, PATH="/nowhere")
    assert (done.code, "npm install --global @qwen-code/qwen-code" in done.out) == (1, True)
    assert agent_telemetry("doctor", "claud").code == 2
