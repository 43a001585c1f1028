"""What was captured is in the conversation: of every framework, and of coding agents from whichever record has it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.local import Imported, Store, import_line, trace_content
from otel_agent_telemetry.local.read.talk._conversation import conversation
from tests.local import corpus

if TYPE_CHECKING:
    from pathlib import Path

SAID = [
    *("CANARY_PROMPT_", "CANARY_PROMPT2_", "CANARY_SYSTEM_", "CANARY_ANSWER_", "CANARY_TOOLARG_", "CANARY_TOOLOUT_"),
]
SECOND = 10**9
START = 1_795_298_968 * SECOND


def imported(store: Store, lines: list[str]) -> None:
    """The store with the lines in it."""
    for line in lines:
        import_line(store, line, Imported())
    while store.settle():
        pass


def missing(store: Store) -> list[tuple[str, str]]:
    """Trace and word of what a trace with calls holds and its conversation does not show."""
    query = """
        SELECT id, hex(trace_id) FROM traces
        WHERE id IN (SELECT trace FROM steps WHERE counted AND kind IN ('model', 'tool'))
    """
    found: list[tuple[str, str]] = []
    with closing(store.reader()) as connection:
        for trace, trace_id in connection.execute(query).fetchall():
            held = json.dumps(trace_content(connection, trace), default=str)
            shown = json.dumps(conversation(connection, trace=trace, limit=None))
            found += [(trace_id, word) for word in SAID if word in held and word not in shown]
    return found


@pytest.mark.parametrize("path", corpus.files(corpus.PART), ids=lambda path: path.stem)
def test_a_capture_is_told_in_full(store: Store, path: Path) -> None:
    """Prompts, instructions, answers, arguments and results that were recorded anywhere are in the conversation."""
    imported(store, corpus.lines(path))
    assert missing(store) == []


def test_the_whole_corpus_is_told_in_full(store: Store) -> None:
    """The same of every capture."""
    for path in corpus.files(corpus.whole()):
        imported(store, corpus.lines(path))
    assert missing(store) == []


def attributes(given: dict[str, object]) -> list[dict[str, Any]]:
    """Attributes in OTLP JSON."""
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in given.items()
    ]


def claude_span(number: int, name: str, start: int, end: int, **given: object) -> dict[str, Any]:
    """A span of Claude Code, below the run that is span 1; times in seconds."""
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{1:016x}" if number > 1 else "",
        "name": f"claude_code.{name}",
        "startTimeUnixNano": str(START + start * SECOND),
        "endTimeUnixNano": str(START + end * SECOND),
        "attributes": attributes({"span.type": name, "session.id": "s-1", **given}),
    }


def claude_record(name: str, at: int, **given: object) -> dict[str, Any]:
    """A log record of Claude Code, in the run's span."""
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{1:016x}",
        "timeUnixNano": str(START + at * SECOND),
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": attributes({"event.name": name, "session.id": "s-1", **given}),
    }


def test_a_coding_agent_is_told_from_its_records(store: Store) -> None:
    """Prompt, answers and results that Claude Code writes beside its spans stand with the calls that they are of."""
    resource = {"attributes": attributes({"service.name": "claude-code"})}
    model = {"model": "claude-sonnet-4-5", "input_tokens": 10, "output_tokens": 2}
    spans = [
        claude_span(1, "interaction", 0, 9),
        claude_span(2, "llm_request", 1, 3, request_id="req-1", **model),
        claude_span(3, "tool", 4, 5, tool_name="Bash", tool_use_id="toolu-1"),
        claude_span(4, "llm_request", 6, 8, request_id="req-2", **model),
    ]
    asked = {"type": "tool_use", "id": "toolu-1", "name": "Bash", "input": {"command": "ls"}}
    body = {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, asked]}
    records = [
        claude_record("user_prompt", 0, prompt="what is here?"),
        claude_record("assistant_response", 3, request_id="req-1", response="Let me look."),
        claude_record("api_response_body", 3, request_id="req-1", body=json.dumps(body)),
        claude_record("tool_result", 5, tool_name="Bash", tool_use_id="toolu-1", tool_input='{"command": "ls"}'),
        claude_record("assistant_response", 8, request_id="req-2", response="Nothing."),
    ]
    scope = {"name": "com.anthropic.claude_code.tracing"}
    imported(
        store,
        [
            json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}),
            json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}),
        ],
    )
    with closing(store.reader()) as connection:
        turns = conversation(connection, session="s-1")["turns"]
    assert [(turn["kind"], [(it["kind"], it["text"]) for it in turn["messages"]]) for turn in turns] == [
        ("agent", [("text", "what is here?")]),
        ("model", [("text", "Let me look."), ("tool_call", '{\n  "command": "ls"\n}')]),
        ("model", [("text", "Nothing.")]),
    ]
    result = turns[1]["messages"][1]["result"]
    assert result is not None
    assert (result["span_id"], result["text"]) == (f"{3:016x}", None)
