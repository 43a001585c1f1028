"""What coding agents printed, read back: the figures are those that the model server gave out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.harnesses import Harness
from tests.lifecycle.acme import Acme
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(os.environ.get("AGENT_TELEMETRY_HARNESS_CORPUS") or "/nowhere")
COMMANDS = {
    "claude": "claude -p --output-format stream-json",
    "codex": "codex exec --json",
    "docker-agent": "docker-agent run --exec --json",
    "gemini": "gemini -o stream-json",
    "goose": "goose run --output-format stream-json",
    "opencode": "opencode run --format json",
    "pi": "npx @earendil-works/pi-coding-agent --mode json",
    "qwen": "qwen -o stream-json",
}
CAPTURES = [path for name in COMMANDS for path in sorted(CORPUS.glob(f"{name}__*.json"))]
TOKENS = {
    "inputTokens": "input",
    "outputTokens": "output",
    "cacheReadTokens": "cache_read",
    "cacheWriteTokens": "cache_write",
    "reasoningOutputTokens": "reasoning",
}
_TITLE = {"inputTokens": 110, "outputTokens": 11}
# What the outputs do not say. Codex: its subagent; opencode: the call for the title; Qwen: reasoning.
UNSAID = {
    "codex__subagent": {"inputTokens": 3000, "outputTokens": 75, "cacheReadTokens": 1920, "reasoningOutputTokens": 32},
    **{f"opencode__{each}": _TITLE for each in ("ok", "ok_content", "session", "toolerr")},
    **{f"qwen__{each}": {"reasoningOutputTokens": 32} for each in ("ok", "ok_content", "toolerr")},
}
CALLS = {"claude", "docker-agent", "opencode", "pi", "qwen"}
"""Those whose output tells one model call from the next."""
OUTCOMES = {"cancel": "cancelled", "llm429": "failed", "llm500": "failed"}


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    """A product's telemetry whose events end in a ledger."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    product = Acme(tmp_path)
    yield product
    product.telemetry.shutdown(0)


def replayed(acme: Acme, path: Path) -> dict[str, list[dict[str, Any]]]:
    """The events that a captured run gives, by name; its output comes in pieces of an odd size."""
    about = json.loads(path.read_text())["meta"]
    output = (CORPUS / "stdout" / f"{path.stem}.stdout").read_bytes()
    run = Harness(acme.telemetry, COMMANDS[about["harness"]].split(), task="job", read=True, env={}).begin()
    for at in range(0, len(output), 1013):
        run.feed(output[at : at + 1013])
    if about["scenario"] == "cancel":
        run.stopped("SIGINT")
    code = about["what_happened"][-1]["rc"]
    run.end(-15 if code == "timeout" else code)
    found: dict[str, list[dict[str, Any]]] = {}
    for event in acme.told:
        found.setdefault(event.event, []).append(event.properties)
    return found


@pytest.mark.parametrize("path", CAPTURES or [None], ids=lambda path: "none" if path is None else path.stem)
def test_captured(path: Path | None, acme: Acme) -> None:
    """Each run is one session and one task; tokens, calls, tools and outcome are as served, but for what is unsaid."""
    if path is None:
        absent("harness corpus", "AGENT_TELEMETRY_HARNESS_CORPUS=folder with captures of coding agents")
    about = json.loads(path.read_text())["meta"]
    truth, told = about["truth"], replayed(acme, path)
    summed = {
        name: sum(each.get(name) or 0 for each in told.get("token.usage", ())) for name in (*TOKENS, "modelCalls")
    }
    unsaid = UNSAID.get(path.stem, {})
    assert {name: summed[name] + unsaid.get(name, 0) for name in TOKENS} == {
        name: truth[word] for name, word in TOKENS.items()
    }
    if about["harness"] in CALLS:
        assert summed["modelCalls"] == max(truth["llm_requests_ok"] - truth["side_requests"], 0)
    wanted = OUTCOMES.get(about["scenario"].partition("_")[0], "completed")
    if about["what_happened"][-1]["rc"] == "timeout":
        wanted = "cancelled"
    assert (len(told["session.started"]), f"task.{wanted}" in told) == (1, True)
    assert "CANARY" not in json.dumps(told)


def lines(*said: object) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def read(acme: Acme, command: str, output: bytes, code: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """The events of a run that printed that, without those of its task."""
    run = Harness(acme.telemetry, command.split(), task="job", read=True, env={}).begin()
    run.feed(output)
    run.end(code)
    return [(event, given) for event, given in acme.told if not event.startswith("task.")]


def test_claude_compaction_and_tools(acme: Acme) -> None:
    """A compaction is an event; a tool of Claude's own keeps its name, one of an MCP server is `custom`."""
    session = {"session_id": "s"}
    use = [{"type": "tool_use", "id": name, "name": name} for name in ("Bash", "mcp__crm__find_customer")]
    output = lines(
        {"type": "system", "subtype": "init", "model": "claude-sonnet-4-5", **session},
        {
            "type": "system",
            "subtype": "compact_boundary",
            "compact_metadata": {"trigger": "auto", "pre_tokens": 9},
            **session,
        },
        {
            "type": "assistant",
            "message": {"id": "m", "model": "claude-sonnet-4-5", "content": use, "usage": {}},
            **session,
        },
        {
            "type": "user",
            "message": {"content": [{"type": "tool_result", "tool_use_id": "Bash", "is_error": True}]},
            **session,
        },
    )
    told = read(acme, COMMANDS["claude"], output)
    assert ("compaction.triggered", {"compactTrigger": "auto", "preCompactTokens": 9}) in told
    tools = [(given["toolName"], given["isSuccess"]) for event, given in told if event == "tool.called"]
    assert tools == [("Bash", False), ("custom", True)]


def test_qwen_says_what_a_subagent_used_in_the_sum(acme: Acme) -> None:
    """The calls of a subagent have no tokens; the sum at the end has."""
    used = {"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 50}
    whole = {"input_tokens": 400, "output_tokens": 40, "cache_read_input_tokens": 150}
    use = {"type": "tool_use", "id": "c", "name": "agent"}
    output = lines(
        {"type": "system", "session_id": "s", "model": "m"},
        {"type": "assistant", "message": {"usage": used, "content": [use]}},
        {"type": "assistant", "parent_tool_use_id": "c", "message": {"usage": {"input_tokens": 0}, "content": []}},
        {"type": "result", "is_error": False, "usage": whole},
    )
    told = read(acme, COMMANDS["qwen"], output)
    ended = next(given for event, given in told if event == "session.ended")
    figures = ("modelCalls", "agentRuns", "inputTokens", "outputTokens", "cacheReadTokens")
    assert [ended.get(name) for name in figures] == [2, 2, 400, 40, 150]


_GOOSE_HEAD = "    __( O)>  ● new session · openai gpt-5-mini\n   \\____)    20261129_1 · /srv/acme\n".encode()


def _goose(*content: object, id: str | None = "resp_1", role: str = "assistant") -> dict[str, Any]:  # noqa: A002 - its word
    return {"type": "message", "message": {"id": id, "role": role, "content": list(content)}}


def test_goose_says_the_sum_of_a_session(acme: Acme) -> None:
    """Model and session stand in the head; a resumed session tells what is new; a subagent is one run more."""
    call = {"type": "toolRequest", "id": "c", "toolCall": {"value": {"name": "delegate"}}}
    failed = {"value": {"structuredContent": {"exit_code": 3}, "isError": False}, "status": "success"}
    answer = {"type": "toolResponse", "id": "c", "toolResult": failed}
    done = {"type": "complete", "total_tokens": 110, "input_tokens": 100, "output_tokens": 10}
    first = read(acme, COMMANDS["goose"], _GOOSE_HEAD + lines(_goose(call), _goose(answer, role="user"), done))
    again = lines({**done, "input_tokens": 250, "output_tokens": 30})
    both = read(acme, f"{COMMANDS['goose']} -r", _GOOSE_HEAD.replace(b"new session", b"resuming") + again)
    used = [given for event, given in both if event == "token.usage"]
    assert [(each["inputTokens"], each["outputTokens"]) for each in used] == [(100, 10), (150, 20)]
    assert [(given["toolName"], given["isSuccess"]) for event, given in first if event == "tool.called"] == [
        ("delegate", False)
    ]
    assert next(given["agentRuns"] for event, given in first if event == "session.ended") == 2


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (lines(_goose({"type": "text", "text": "Ran into this error: Rate limit exceeded: x"}, id=None)), "rate_limit"),
        (b"", "provider_error"),
    ],
)
def test_goose_fails_with_exit_code_0(output: bytes, told: str, acme: Acme) -> None:
    """A refusal is told in words of its own, a broken stream by no tokens at all; the exit code is 0."""
    run = Harness(acme.telemetry, COMMANDS["goose"].split(), task="job", read=True, env={}).begin()
    run.feed(_GOOSE_HEAD + output + lines({"type": "complete", "total_tokens": None}))
    run.end(0)
    failures = [each.properties for each in acme.told if each.event == "session.failure"]
    assert [given["errorCategory"] for given in failures] == [told]
    assert "task.failed" in acme.names


def test_goose_is_interrupted(acme: Acme) -> None:
    """What it used until then stands behind its question what to do instead."""
    said = {"type": "complete", "total_tokens": 110, "input_tokens": 100, "output_tokens": 10}
    asks = "Yes — what would you like me to do?".encode()
    told = read(acme, COMMANDS["goose"], _GOOSE_HEAD + asks + lines(said))
    assert [given["inputTokens"] for event, given in told if event == "token.usage"] == [100]
    assert "task.cancelled" in acme.names


def test_a_failure_without_a_session(acme: Acme) -> None:
    """A run that fails before it says which session it is still is a started session and its failure."""
    told = read(acme, COMMANDS["codex"], b"error: no such model\n", 2)
    assert told == [
        ("session.started", {"harnessProvider": "codex"}),
        ("session.failure", {"errorCategory": "unknown", "provider": "codex"}),
    ]


@pytest.mark.parametrize("command", COMMANDS.values())
@pytest.mark.parametrize(
    "output",
    [
        b"{" * 5000 + b"\n",
        b'{"type": []}\n{"type": "result", "usage": 3, "modelUsage": [1], "stats": "x", "is_error": false}\n',
        b'{"type": "system", "subtype": "init", "session_id": 7}\n[1]\nnull\n\xff\xfe{}\n',
        b'{"type": "assistant", "message": {"content": ["x", {"type": "tool_use", "id": 3}]}, "session_id": "s"}\n',
    ],
)
def test_outputs_of_another_form(command: str, output: bytes, acme: Acme) -> None:
    """An output that is not of the known form harms nothing: the run is told with what is known."""
    run = Harness(acme.telemetry, command.split(), task="job", read=True, env={}).begin()
    run.feed(output)
    done = run.end(0)
    assert done is not None
    assert acme.names[-2:] == ["task.session_completed", "task.completed"]
