"""What coding agents say in ways that no capture shows, written by hand."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from otel_agent_telemetry.cli._preview import totals
from otel_agent_telemetry.local import Imported, Store, import_line, usage
from otel_agent_telemetry.meaning.harnesses import harness_of
from tests.meaning.cases import events, facts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otel_agent_telemetry.meaning._records import Fact

Document: TypeAlias = "dict[str, Any]"

_TRACE = "5f" * 16
_START = 1_800_000_000_000_000_000
_SECOND = 10**9
_TOKENS = {"gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 8}


def _value(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _pairs(given: Mapping[str, Any]) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in given.items()]


def span(number: int, parent: int, name: str, at: float, took: float, **words: object) -> Document:
    """A span; its attributes' names have ``__`` for a dot."""
    start = _START + int(at * _SECOND)
    return {
        "traceId": _TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(took * _SECOND)),
        "attributes": _pairs({key.replace("__", "."): value for key, value in words.items()}),
    }


def log(at: float, event: str, **words: object) -> Document:
    """A log record without a trace's id."""
    given = {"event.name": event, **{key.replace("__", "."): value for key, value in words.items()}}
    return {"timeUnixNano": str(_START + int(at * _SECOND)), "attributes": _pairs(given)}


def spans(scope: str, *records: Document) -> Document:
    """A request."""
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": scope}, "spans": list(records)}]}]}


def logs(scope: str, *records: Document) -> Document:
    """A request."""
    return {"resourceLogs": [{"scopeLogs": [{"scope": {"name": scope}, "logRecords": list(records)}]}]}


def points(scope: str, name: str, temporality: int, *values: tuple[int, float, Mapping[str, object]]) -> Document:
    """A request with a sum: (value, time, attributes) of each point, all of one start."""
    listed = [
        {
            "asInt": str(value),
            "startTimeUnixNano": str(_START),
            "timeUnixNano": str(_START + int(at * _SECOND)),
            "attributes": _pairs(given),
        }
        for value, at, given in values
    ]
    metric = {"name": name, "sum": {"aggregationTemporality": temporality, "dataPoints": listed}}
    return {"resourceMetrics": [{"scopeMetrics": [{"scope": {"name": scope}, "metrics": [metric]}]}]}


def added_up(folder: Path, *requests: Document) -> dict[str, int]:
    """What the events of these add up to."""
    return totals(events(_file(folder, *requests)))


def told(folder: Path, *requests: Document) -> list[Fact]:
    """The facts of these."""
    return facts(_file(folder, *requests))


def stored(folder: Path, by: str) -> list[Any]:
    """The use of what was written there last, by a store that has read it."""
    with closing(Store(folder / "traces.sqlite")) as store:
        for line in (folder / "requests.jsonl").read_text("utf-8").splitlines():
            import_line(store, line, Imported())
        while store.settle():
            pass
        with closing(store.reader()) as connection:
            return list(usage(connection, by))


def _file(folder: Path, *requests: Document) -> Path:
    path = folder / "requests.jsonl"
    path.write_text("".join(json.dumps(request) + "\n" for request in requests), "utf-8")
    return path


def _claude(prompt: str, at: float, request: str, **words: object) -> Document:
    common = {"session__id": "s", "prompt__id": prompt, "request_id": request, "duration_ms": 100, "model": "m"}
    return log(
        at, "api_request", **{**common, "input_tokens": 100, "cache_read_tokens": 20, "output_tokens": 8}, **words
    )


@pytest.mark.parametrize(
    ("service", "scope", "expected"),
    [
        ("claude-code", "com.anthropic.claude_code.tracing", "claude-code"),
        ("renamed-by-its-user", "com.anthropic.claude_code.events", "claude-code"),
        ("codex_exec", "codex_otel.log_only", "codex"),
        ("codex_tui", "", "codex"),
        ("qwen-code", "@opentelemetry/instrumentation-undici", "qwen-code"),
        ("shop", "opentelemetry.instrumentation.requests", None),
        ("codex", "codex", None),
    ],
)
def test_which_program(service: str, scope: str, expected: str | None) -> None:
    """A program is known by its scope, whatever its user calls the service, else by its service."""
    assert harness_of(service, scope) == expected


def test_a_call_that_only_a_log_record_tells_of(tmp_path: Path) -> None:
    """Joined by the request's id, a call in both counts once, and one whose span was lost counts as well."""
    scope = "com.anthropic.claude_code"
    run = span(1, 0, "claude_code.interaction", 0, 9, span__type="interaction", session__id="s")
    call = span(2, 1, "claude_code.llm_request", 1, 0.2, span__type="llm_request", session__id="s", request_id="r1")
    call["attributes"] += _pairs({**_TOKENS, "model": "m", "gen_ai.system": "anthropic"})
    records = (_claude("p", 1.2, "r1", cost_usd=0.5), _claude("p", 3, "r2", cost_usd=0.25))
    requests = (spans(f"{scope}.tracing", run, call), logs(f"{scope}.events", *records))
    found = added_up(tmp_path, *requests)
    assert (found["modelCalls"], found["inputTokens"], found["agentRuns"], found["sessions"]) == (2, 240, 1, 1)
    costs = [fact.properties["costUsd"] for fact in told(tmp_path, *requests) if fact.event == "token.usage"]
    assert costs == [0.75]


def test_points_of_a_cumulative_series(tmp_path: Path) -> None:
    """The last point of a cumulative series stands for those before it."""
    about = {"session.id": "s", "model": "m", "type": "input"}
    request = points("gemini-cli", "gemini_cli.token.usage", 2, (10, 1, about), (70, 2, about), (30, 1.5, about))
    assert added_up(tmp_path, request)["inputTokens"] == 70


def test_points_of_deltas(tmp_path: Path) -> None:
    """Deltas are added up; a part that is cached is part of the input, as everywhere."""
    fresh, cached = ({"session.id": "s", "model": "m", "type": each} for each in ("input", "cacheRead"))
    metric = "claude_code.token.usage"
    request = points("com.anthropic.claude_code", metric, 1, (10, 1, fresh), (5, 2, fresh), (40, 2, cached))
    found = added_up(tmp_path, request)
    assert (found["inputTokens"], found["cacheReadTokens"], found["sessions"], found["modelCalls"]) == (55, 40, 1, 0)


def test_metrics_beside_a_call_with_tokens(tmp_path: Path) -> None:
    """Metrics count for nothing in a session of which a call tells tokens, and do in another one."""
    given = [{"session.id": each, "model": "m", "type": "input"} for each in ("s", "other")]
    metrics = points("com.anthropic.claude_code", "claude_code.token.usage", 1, *((900, 5, each) for each in given))
    call = logs("com.anthropic.claude_code.events", _claude("p", 1.2, "r1"))
    assert added_up(tmp_path, metrics, call)["inputTokens"] == 120 + 900


def test_requests_that_do_not_name_money(tmp_path: Path) -> None:
    """Copilot's cost counts premium requests: it is no US dollar."""
    words = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "m", "github__copilot__cost": 1.0}
    call = span(2, 1, "chat m", 1, 1, gen_ai__conversation__id="s", **words)
    call["attributes"] += _pairs(_TOKENS)
    run = span(1, 0, "invoke_agent", 0, 3, gen_ai__operation__name="invoke_agent", gen_ai__conversation__id="s")
    found = told(tmp_path, spans("github.copilot", run, call))
    assert [fact for fact in found if "costUsd" in fact.properties or "totalCostUsd" in fact.properties] == []


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"stop_reason": "end_turn"}, "task.completed"),
        ({"stop_reason": "tool_use"}, "task.cancelled"),
        ({"success": False, "error_class": "server_error", "status_code": 500}, "task.failed"),
    ],
    ids=["answered", "asked for a tool", "failed"],
)
def test_how_a_run_of_claude_code_ended(tmp_path: Path, last: dict[str, object], expected: str) -> None:
    """Its run says nothing of how it ended; its last model call does."""
    run = span(1, 0, "claude_code.interaction", 0, 9, span__type="interaction", session__id="s")
    call = span(2, 1, "claude_code.llm_request", 1, 1, span__type="llm_request", session__id="s", **last)
    found = told(tmp_path, spans("com.anthropic.claude_code.tracing", run, call))
    assert [fact.event for fact in found if fact.event.startswith("task.")] == ["task.started", expected]


@pytest.mark.parametrize(("status", "expected"), [(429, "task.failed"), (200, "task.completed")])
def test_how_a_turn_of_codex_ended(tmp_path: Path, status: int, expected: str) -> None:
    """A turn that has counted its tokens has failed all the same where its last request did."""
    words = {"thread__id": "s", "turn__id": "t", "codex__turn__token_usage__input_tokens": 10}
    turn = span(1, 0, "session_task.turn", 0, 9, **words)
    asked = log(2, "codex.api_request", conversation__id="s", model="m", http__response__status_code=status)
    found = told(tmp_path, spans("codex_otel", turn), logs("codex_otel.log_only", asked))
    assert [fact.event for fact in found if fact.event.startswith("task.")] == ["task.started", expected]


def test_a_turn_of_codex_whose_own_span_was_lost(tmp_path: Path) -> None:
    """A call that its span and a log record tell of counts once, also where only a tool's span names the session."""
    tokens = {"gen_ai__usage__input_tokens": 10, "gen_ai__usage__output_tokens": 2}
    around = spans("otel_agent_telemetry", span(1, 0, "task", 0, 9, agent__lifecycle="task", agent__task__id="t"))
    call = span(2, 1, "handle_responses", 2, 1, **tokens)
    tool = {"codex__tool__phase": "end", "call_id": "c", "tool_name": "exec_command", "conversation__id": "s"}
    logged = {"conversation__id": "s", "event__kind": "response.completed", "model": "m"}
    counts = {"input_token_count": 10, "output_token_count": 2}
    said = logs("codex_otel.log_only", log(3, "codex.sse_event", **logged, **counts))
    _file(tmp_path, around, spans("codex_otel", call, span(3, 1, "exec", 3, 1, **tool)), said)
    assert [(row["calls"], row["input_tokens"]) for row in stored(tmp_path, "model")] == [(1, 10)]


@pytest.mark.parametrize(("finish", "expected"), [("error", "task.cancelled"), ("stop", "task.completed")])
def test_how_a_run_of_copilot_ended(tmp_path: Path, finish: str, expected: str) -> None:
    """An answer that was broken off ends for an error, and is none by its status."""
    common = {"gen_ai__conversation__id": "s", "gen_ai__response__finish_reasons": finish}
    run = span(1, 0, "invoke_agent", 0, 3, gen_ai__operation__name="invoke_agent", **common)
    call = span(2, 1, "chat m", 1, 1, gen_ai__operation__name="chat", gen_ai__request__model="m", **common)
    found = told(tmp_path, spans("github.copilot", run, call))
    assert [fact.event for fact in found if fact.event.startswith("task.")] == ["task.started", expected]


def test_a_prompt_inside_a_task_of_ours(tmp_path: Path) -> None:
    """Where a task of ours is around the program, the prompt is that task and no second one."""
    task = span(1, 0, "task", 0, 9, agent__lifecycle="task", agent__task__id="t")
    run = span(2, 1, "claude_code.interaction", 1, 7, span__type="interaction", session__id="s")
    call = span(
        3, 2, "claude_code.llm_request", 2, 1, span__type="llm_request", session__id="s", stop_reason="end_turn"
    )
    found = told(tmp_path, spans("otel_agent_telemetry", task), spans("com.anthropic.claude_code.tracing", run, call))
    assert [fact.event for fact in found if fact.event.startswith("task.")] == [
        "task.started",
        "task.session_completed",
        "task.completed",
    ]


def test_a_subagent_of_gemini_cli(tmp_path: Path) -> None:
    """A subagent's calls name its id in the place of the prompt: they are its own, in the session of the prompt."""
    common = {"session__id": "s", "model": "m", "duration_ms": 100, "input_token_count": 120, "output_token_count": 8}
    records = [
        log(0, "gemini_cli.user_prompt", session__id="s", prompt_id="s########1"),
        log(2, "gemini_cli.api_response", prompt_id="helper-7#0", **common),
        log(3, "gemini_cli.agent.finish", session__id="s", agent_id="helper-7", agent_name="helper", duration_ms=2000),
        log(4, "gemini_cli.api_response", prompt_id="s########1", **common),
    ]
    found = told(tmp_path, logs("gemini-cli", *records))
    usage = {
        fact.properties["agentName"]: fact.properties["inputTokens"] for fact in found if fact.event == "token.usage"
    }
    (ended,) = (fact.properties for fact in found if fact.event == "session.ended")
    assert usage == {"gemini-cli": 120, "helper": 120}
    assert (ended["agentRuns"], ended["tasksProcessed"], ended["isSuccess"]) == (2, 1, True)


def test_tools_of_gemini_cli_in_both_signals(tmp_path: Path) -> None:
    """A log record of a tool has no call's id: it is the tool's span below the one that it was written in."""
    common = {
        "gen_ai__operation__name": "tool_call",
        "gen_ai__conversation__id": "s",
        "gen_ai__tool__name": "read_file",
    }
    around = span(1, 0, "schedule_tool_calls", 0, 3, gen_ai__operation__name="schedule_tool_calls")
    tools = [span(2, 1, "tool_call", 1, 1, **common), span(3, 1, "tool_call", 1, 1.5, **common)]
    records = [
        log(at, "gemini_cli.tool_call", session__id="s", function_name="read_file", duration_ms=1500)
        for at in (1.9, 2.2)
    ]
    for record in records:
        record |= {"traceId": _TRACE, "spanId": f"{1:016x}"}
    found = added_up(tmp_path, spans("gemini-cli", around, *tools), logs("gemini-cli", *records))
    assert found["toolCalls"] == 2


def test_a_subagent_of_opencode(tmp_path: Path) -> None:
    """A subagent has a session of its own below the tool that runs it; it counts in the session of the prompt."""
    tool = {"tool__name": "task", "tool__call_id": "c"}
    model = {"ai__operationId": "ai.streamText.doStream", "gen_ai__request__model": "m"}
    calls = [
        span(2, 1, "ai.streamText.doStream", 1, 1, session__id="s", **model),
        span(6, 5, "ai.streamText.doStream", 4, 1, session__id="sub", **model),
    ]
    for call in calls:
        call["attributes"] += _pairs(_TOKENS)
    records = [
        span(1, 0, "SessionPrompt.prompt", 0, 9),
        span(4, 1, "Tool.execute", 3, 3, session__id="s", **tool),
        span(5, 4, "TaskTool.runTask", 3, 3),
    ]
    found = added_up(tmp_path, spans("opencode", *records, *calls))
    assert (found["sessions"], found["agentRuns"], found["modelCalls"], found["toolCalls"]) == (1, 2, 2, 1)


def test_a_subagent_whose_run_was_lost(tmp_path: Path) -> None:
    """Where the spans of both prompts were lost, the session that began first is the prompt's, whatever comes first."""
    model = {"ai__operationId": "ai.streamText.doStream", "gen_ai__request__model": "m"}
    first, last = (
        span(number, 0, "ai.streamText.doStream", at, 1, session__id="s", **model) for number, at in ((1, 0), (4, 6))
    )
    tool = span(2, 0, "Tool.execute", 2, 3, session__id="s", tool__name="task", tool__call_id="c")
    inside = [
        span(3, 2, "TaskTool.runTask", 2, 3),
        span(5, 3, "ai.streamText.doStream", 3, 1, session__id="sub", **model),
    ]
    records = [first, tool, *inside, last]
    for given in (records, records[::-1]):
        ended = [fact for fact in told(tmp_path, spans("opencode", *given)) if fact.event == "session.ended"]
        assert [fact.properties["sessionId"] for fact in ended] == ["s"]


@pytest.mark.parametrize("no", [False, "false"])
def test_a_truth_value_as_text(tmp_path: Path, no: object) -> None:
    """A tool that failed says so by a truth value or by its word, whichever program it is of."""
    results = {
        "com.anthropic.claude_code.events": log(
            2, "tool_result", session__id="s", tool_use_id="c", tool_name="Bash", success=no
        ),
        "codex_otel.log_only": log(
            2, "codex.tool_result", conversation__id="s", call_id="c", tool_name="shell", success=no
        ),
        "qwen-code": log(2, "qwen-code.tool_call", session__id="s", call_id="c", function_name="shell", success=no),
    }
    for scope, record in results.items():
        tools = [fact for fact in told(tmp_path, logs(scope, record)) if fact.event == "tool.called"]
        assert [fact.properties["isSuccess"] for fact in tools] == [False], scope


def test_texts_of_a_program_are_not_read(tmp_path: Path) -> None:
    """A name, an argument or an error's text of a coding agent is in no event."""
    planted = "the launch is on Friday"
    call = span(
        2, 1, planted, 1, 1, tool_name="exec_command", call_id="c", codex__tool__phase="dispatch", arguments=planted
    )
    run = span(1, 0, "session_task.turn", 0, 3, thread__id="s", turn__id="t", model="m", prompt=planted)
    result = log(2, "codex.tool_result", conversation__id="s", call_id="c", tool_name="exec_command", output=planted)
    found = told(tmp_path, spans("codex_exec", run, call), logs("codex_otel.log_only", result))
    assert any(fact.event == "tool.called" for fact in found)
    assert planted not in repr(found)


def test_what_a_service_read_of_the_output(tmp_path: Path) -> None:
    """What a service read of the output counts, but not where the program itself tells of the session too."""
    printed = {"agent__harness__read_from": "stdout"}
    task = span(1, 0, "task", 0, 9, agent__lifecycle="task", agent__task__id="t")
    session = span(2, 1, "session", 1, 7, agent__lifecycle="session", gen_ai__conversation__id="s", **printed)
    run = span(3, 2, "agent", 1, 6, agent__lifecycle="agent", gen_ai__agent__name="claude-code", **printed)
    call = span(4, 3, "chat m", 2, 1, agent__lifecycle="model_call", gen_ai__request__model="m", **printed)
    call["attributes"] += _pairs(_TOKENS)
    service = spans("otel_agent_telemetry", task, session, run, call)
    own = (log(1, "user_prompt", session__id="s", prompt__id="p"), _claude("p", 3, "r1"))
    alone, both = (
        added_up(tmp_path, service, *more) for more in ((), (logs("com.anthropic.claude_code.events", *own),))
    )
    counted = ("sessions", "agentRuns", "modelCalls", "inputTokens")
    assert [alone[name] for name in counted] == [1, 1, 1, 120]
    assert [both[name] for name in counted] == [1, 1, 1, 120]
    (row,) = stored(tmp_path, "session")
    assert (row["key"], row["calls"], row["agent_runs"], row["input_tokens"]) == ("s", 1, 1, 120)
