"""Bedrock by boto3: InvokeModel and InvokeModelWithResponseStream, with the body of Anthropic's models."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    client = boto3.client("bedrock-runtime", config=Config(retries={"total_max_attempts": 1}))
    messages: Any = [{"role": "user", "content": question}]
    while calls := (streamed if stream else whole)(client, body(messages)):
        messages.append({"role": "assistant", "content": calls})
        answers = [(call["id"], TOOLS[call["name"]](**call["input"])) for call in calls]
        results = [{"type": "tool_result", "tool_use_id": known, "content": said} for known, said in answers]
        messages.append({"role": "user", "content": results})


def body(messages: Any) -> str:
    """What Anthropic's models are sent."""
    offered = [{"name": name, "input_schema": {"type": "object"}} for name in TOOLS]
    version = "bedrock-2023-05-31"
    return json.dumps({"anthropic_version": version, "max_tokens": 512, "messages": messages, "tools": offered})


def whole(client: Any, asked: str) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = json.loads(client.invoke_model(modelId=MODEL, body=asked)["body"].read())
    return [block for block in reply["content"] if block["type"] == "tool_use"]


def streamed(client: Any, asked: str) -> list[Any]:
    """The tool calls of a streamed reply."""
    calls: list[Any] = []
    for part in client.invoke_model_with_response_stream(modelId=MODEL, body=asked)["body"]:
        event = json.loads(part["chunk"]["bytes"])
        if event.get("content_block", {}).get("type") == "tool_use":
            calls.append(event["content_block"])
        elif event.get("delta", {}).get("type") == "input_json_delta":
            calls[-1]["input"] = json.loads(event["delta"]["partial_json"])
    return calls


tell_all(ask)
