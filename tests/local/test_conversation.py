from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_agent_telemetry.local import find_trace
from otel_agent_telemetry.local.read._conversation import conversation
from tests.local.made import Made, any_value, chat, request, trace_id

if TYPE_CHECKING:
    from otel_agent_telemetry.local import Store

PARTS = [
    {"role": "system", "parts": [{"type": "text", "content": "be kind"}]},
    {"role": "user", "parts": [{"type": "text", "content": "hello"}]},
    {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "hm"}, {"type": "tool_call", "name": "look", "arguments": {"a": 1}}],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "response": "found"}]},
]


def said(store: Store) -> list[tuple[str, str, str, str | None]]:
    """Role, kind, text and name of each message of the trace; a tool's result after its call."""
    with closing(store.reader()) as connection:
        turns = conversation(connection, trace=find_trace(connection, trace_id())[0])["turns"]
    found: list[tuple[str, str, str, str | None]] = []
    for it in (it for turn in turns for it in turn["messages"]):
        found.append((it["role"], it["kind"], it["text"], it["name"]))
        if it["result"] is not None:
            found.append(("tool", "tool_result", it["result"]["text"] or "", None))
    return found


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param(
            {
                "gen_ai.input.messages": json.dumps(PARTS),
                "gen_ai.system_instructions": '[{"type": "text", "content": "be brief"}]',
            },
            [
                ("system", "text", "be brief", None),
                ("system", "text", "be kind", None),
                ("user", "text", "hello", None),
                ("assistant", "thinking", "hm", None),
                ("assistant", "tool_call", '{\n  "a": 1\n}', "look"),
                ("tool", "tool_result", "found", None),
            ],
            id="conventions",
        ),
        pytest.param(
            {
                "llm.input_messages.0.message.role": "user",
                "llm.input_messages.0.message.content": "hello",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.contents.0.message_content.text": "hi",
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
            },
            [
                ("user", "text", "hello", None),
                ("assistant", "text", "hi", None),
                ("assistant", "tool_call", "{}", "look"),
            ],
            id="OpenInference",
        ),
        pytest.param(
            {
                "gen_ai.prompt.0.role": "user",
                "gen_ai.prompt.0.content": "hello",
                "gen_ai.completion.0.content": "hi",
                "gen_ai.completion.0.tool_calls.0.name": "look",
                "gen_ai.completion.0.tool_calls.0.arguments": "1",
            },
            [
                ("user", "text", "hello", None),
                ("assistant", "text", "hi", None),
                ("assistant", "tool_call", "1", "look"),
            ],
            id="OpenLLMetry",
        ),
        pytest.param(
            {"input.value": "hello", "output.value": "hi"},
            [("user", "text", "hello", None), ("assistant", "text", "hi", None)],
            id="values",
        ),
        pytest.param({"gen_ai.input.messages": "not json"}, [], id="broken"),
        pytest.param({}, [], id="not recorded"),
    ],
)
def test_messages_are_read_from_every_dialect(
    store: Store, attributes: dict[str, object], expected: list[tuple[str, ...]]
) -> None:
    """Whichever names a call's content has, the same messages come out."""
    store.add_spans(request(Made(attributes={**chat(), **attributes})))
    assert said(store) == expected


def test_messages_are_read_from_log_records(store: Store) -> None:
    """Earlier conventions send messages as log records beside the span."""
    logs = ExportLogsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    for name, body in (
        ("gen_ai.user.message", {"content": "hello"}),
        ("gen_ai.choice", {"message": {"role": "assistant", "content": "hi"}}),
    ):
        records.add(
            event_name=name,
            trace_id=(1).to_bytes(16, "big"),
            span_id=(1).to_bytes(8, "big"),
            body=any_value(json.dumps(body)),
        )
    store.add_spans(request(Made(attributes=chat())))
    store.add_logs(logs)
    assert said(store) == [("user", "text", "hello", None), ("assistant", "text", "hi", None)]
