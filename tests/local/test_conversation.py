from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_agent_telemetry.local import find_trace
from otel_agent_telemetry.local.read.talk._conversation import conversation
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
        pytest.param(
            {
                "ai.operationId": "ai.generateText.doGenerate",
                "ai.prompt.messages": json.dumps(
                    [
                        {"role": "system", "content": "be kind"},
                        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
                        {
                            "role": "assistant",
                            "content": [
                                {"type": "tool-call", "toolCallId": "1", "toolName": "look", "input": {"a": 1}}
                            ],
                        },
                        {
                            "role": "tool",
                            "content": [
                                {
                                    "type": "tool-result",
                                    "toolCallId": "1",
                                    "toolName": "look",
                                    "output": {"type": "text", "value": "found"},
                                }
                            ],
                        },
                    ]
                ),
                "ai.response.text": "hi",
                "ai.response.toolCalls": '[{"toolCallId": "2", "toolName": "look", "args": "{}"}]',
            },
            [
                ("system", "text", "be kind", None),
                ("user", "text", "hello", None),
                ("assistant", "tool_call", '{\n  "a": 1\n}', "look"),
                ("tool", "tool_result", "found", None),
                ("assistant", "text", "hi", None),
                ("assistant", "tool_call", "{}", "look"),
            ],
            id="Vercel AI SDK",
        ),
        pytest.param(
            {
                "gen_ai.system_instructions": '"be kind"',
                "gen_ai.input.messages": json.dumps(
                    [
                        {"role": "user", "parts": [{"text": "hello"}]},
                        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"a": 1}, "id": "1"}}]},
                        {
                            "role": "user",
                            "parts": [{"functionResponse": {"name": "look", "response": {"b": 2}, "id": "1"}}],
                        },
                    ]
                ),
                "gen_ai.output.messages": json.dumps(
                    [{"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "hi"}]}]
                ),
            },
            [
                ("system", "text", "be kind", None),
                ("user", "text", "hello", None),
                ("assistant", "tool_call", '{\n  "a": 1\n}', "look"),
                ("tool", "tool_result", '{\n  "b": 2\n}', None),
                ("assistant", "thinking", "hm", None),
                ("assistant", "text", "hi", None),
            ],
            id="Gemini's own parts",
        ),
        pytest.param(
            {
                "gen_ai.input.messages": json.dumps(
                    [
                        {"role": "user", "content": "hello"},
                        {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": '{"a": 1}'}}],
                        },
                        {"role": "tool", "tool_call_id": "1", "content": "found"},
                    ]
                ),
                "gen_ai.output.messages": json.dumps(
                    [{"role": "assistant", "content": [{"type": "text", "text": "hi"}]}]
                ),
            },
            [
                ("user", "text", "hello", None),
                ("assistant", "tool_call", '{\n  "a": 1\n}', "look"),
                ("tool", "tool_result", "found", None),
                ("assistant", "text", "hi", None),
            ],
            id="a provider's own messages",
        ),
        pytest.param(
            {"gen_ai.prompt": '[{"role": "user", "content": "hello"}]', "gen_ai.completion": "hi"},
            [("user", "text", "hello", None), ("assistant", "text", "hi", None)],
            id="one attribute",
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


@pytest.mark.parametrize(
    ("part", "media", "text"),
    [
        ({"type": "blob", "mime_type": "audio/wav", "content": "A" * 400}, ("audio/wav", 300), ""),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400}}, ("image/png", 300), ""),
        (
            {"type": "image_url", "image_url": {"url": "https://x.y/cat.png"}},
            ("image_url", None),
            "https://x.y/cat.png",
        ),
        ({"type": "image", "source": {"media_type": "image/gif", "data": "A" * 400}}, ("image/gif", 300), ""),
        ({"inlineData": {"mimeType": "image/webp", "data": "A" * 400}}, ("image/webp", 300), ""),
        ({"type": "uri", "mime_type": "video/mp4", "uri": "gs://bucket/film"}, ("video/mp4", None), "gs://bucket/film"),
        ({"type": "file", "file": {"file_id": "file-1"}}, ("file", None), "file-1"),
    ],
)
def test_media_are_known_by_type_and_size(
    store: Store, part: dict[str, object], media: tuple[str, int | None], text: str
) -> None:
    """Of what is no text, type and size are told, and where it is, never its bytes."""
    said_so = json.dumps([{"role": "user", "parts": [part]}])
    store.add_spans(request(Made(attributes={**chat(), "gen_ai.input.messages": said_so})))
    with closing(store.reader()) as connection:
        [turn] = conversation(connection, trace=find_trace(connection, trace_id())[0])["turns"]
    [message] = turn["messages"]
    assert (message["kind"], message["media"], message["text"]) == (
        "media",
        {"type": media[0], "bytes": media[1]},
        text,
    )
