from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.local import Imported, Store, TraceFilter, import_line, list_sessions, list_traces, usage
from tests.collector.fleet import gateways, pair, send, send_safely
from tests.collector.running import lines, points, total, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.collector

DATA = Path(__file__).parents[1] / "data" / "harnesses"
CAPTURES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(DATA.glob("*__*.json"))}
SIGNALS = ("traces", "metrics", "logs")
TO_FILES = Path(__file__).with_name("to-files.yaml")


def read(file: Path, requests: Iterable[str]) -> dict[str, object]:
    """What a store that holds these shows, without the names of agents, which pass as hashes."""
    with closing(Store(file)) as store:
        for request in requests:
            import_line(store, request, Imported())
        while store.settle():
            pass
        with closing(store.reader()) as connection:
            rows = list_traces(connection, TraceFilter(), limit=1000)
            return {
                "usage": usage(connection, "model"),
                "tools": usage(connection, "tool"),
                "sessions": len(list_sessions(connection, limit=1000)),
                "runs": sorted(
                    (row["status"], row["calls"], row["tools"], row["agent_runs"], row["errors"]) for row in rows
                ),
            }


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that arrive behind agent.yaml of every capture, all three signals of it."""
    agent, gateway = pair(tmp_path_factory.mktemp("agents"))
    files = [gateway.files / f"{signal}.jsonl" for signal in SIGNALS]
    with gateway, agent:
        for capture in CAPTURES.values():
            for signal in SIGNALS:
                for request in capture[signal]:
                    send(agent, signal, json.dumps(request).encode())
        wait_until(lambda: _is_whole(files), "all that may pass")
    return [line for file in files for line in file.read_text("utf-8").splitlines()]


def _is_whole(files: list[Path]) -> bool:
    """Every span, every call of Claude Code and Gemini CLI in a log record, and token counts in metrics are there."""
    traces, metrics, logs = (file.read_text("utf-8") if file.exists() else "" for file in files)
    sent = [json.dumps(capture["logs"], separators=(",", ":")) for capture in CAPTURES.values()]
    calls = sum(text.count(f'"{name}"') for text in sent for name in ("api_request", "gemini_cli.api_response"))
    arrived = sum(logs.count(f'"{name}"') for name in ("api_request", "gemini_cli.api_response"))
    spans = sum(json.dumps(capture["traces"]).count('"spanId":') for capture in CAPTURES.values())
    is_counted = all(name in metrics for name in ("claude_code.token.usage", "gemini_cli.token.usage"))
    return traces.count('"spanId":') >= spans and arrived >= calls and is_counted


def test_the_totals_are_those_of_what_was_sent(passed: list[str], tmp_path: Path) -> None:
    """Calls, tools, tokens, runs, outcomes and sessions of what passes are those of what the programs sent."""
    sent = [json.dumps(request) for capture in CAPTURES.values() for signal in SIGNALS for request in capture[signal]]
    assert read(tmp_path / "passed.sqlite", passed) == read(tmp_path / "sent.sqlite", sent)


def test_no_content_passes(passed: list[str]) -> None:
    """No prompt, argument, output, error text, file name or account passes."""
    planted: dict[str, dict[str, str]] = json.loads((DATA / "canaries.json").read_text("utf-8"))
    secrets = [secret for group in planted.values() for secret in group.values()]
    assert [secret for secret in secrets if secret in "".join(passed)] == []


def test_other_programs_log_records_do_not_pass(tmp_path: Path) -> None:
    """A log record of a GenAI library is content: it does not pass, beside one of a coding agent that does."""
    agent, gateway = pair(tmp_path)
    capture = CAPTURES["claude__toolerr"]["logs"]
    foreign: dict[str, Any] = {"body": {"stringValue": "the launch is on Friday"}, "timeUnixNano": "1"}
    with gateway, agent:
        scope = {"scope": {"name": "opentelemetry.instrumentation.openai"}, "logRecords": [foreign]}
        send(agent, "logs", json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode())
        for request in capture:
            send(agent, "logs", json.dumps(request).encode())
        wait_until(lambda: "api_request" in json.dumps(lines(gateway.files / "logs.jsonl")), "a log record")
    assert "launch" not in (gateway.files / "logs.jsonl").read_text("utf-8")


def test_token_sums_count_each_call_once(tmp_path: Path) -> None:
    """The gateway's sums are those of the model server, although spans, log records and metrics tell them."""
    names = ("claude__subagent", "gemini__toolerr", "qwen__toolerr", "copilot__toolerr", "codex__subagent")
    (gateway,) = gateways(tmp_path, 1, TO_FILES)
    metrics = gateway.files / "metrics.jsonl"
    with gateway:
        for name in names:
            for signal in SIGNALS:
                for request in CAPTURES[name][signal]:
                    send_safely(gateway, signal, json.dumps(request).encode())
        wait_until(lambda: total(points(lines(metrics)), "agent.tokens.input") >= 21_600, "all tokens")
    found = {name: total(points(lines(metrics)), f"agent.tokens.{name}") for name in ("input", "output")}
    assert found == {"input": 6000 + 3 * 3000 + 6600, "output": 150 + 3 * 75 + 165}
