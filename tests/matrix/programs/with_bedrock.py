"""Bedrock by boto3: Converse and ConverseStream."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
OFFERED: Any = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {}}}} for name in TOOLS]}
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    client = boto3.client("bedrock-runtime", config=Config(retries={"total_max_attempts": 1}))
    messages: Any = [{"role": "user", "content": [{"text": question}]}]
    while calls := (streamed if stream else whole)(client, messages):
        messages.append({"role": "assistant", "content": [{"toolUse": call} for call in calls]})
        answers = [(call["toolUseId"], TOOLS[call["name"]](**call["input"])) for call in calls]
        results = [{"toolResult": {"toolUseId": known, "content": [{"text": said}]}} for known, said in answers]
        messages.append({"role": "user", "content": results})


def whole(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a whole reply."""
    reply = client.converse(modelId=MODEL, messages=messages, toolConfig=OFFERED)
    return [block["toolUse"] for block in reply["output"]["message"]["content"] if "toolUse" in block]


def streamed(client: Any, messages: Any) -> list[Any]:
    """The tool calls of a streamed reply."""
    calls: list[Any] = []
    for event in client.converse_stream(modelId=MODEL, messages=messages, toolConfig=OFFERED)["stream"]:
        if "toolUse" in event.get("contentBlockStart", {}).get("start", {}):
            calls.append(event["contentBlockStart"]["start"]["toolUse"])
        elif "toolUse" in (delta := event.get("contentBlockDelta", {}).get("delta", {})):
            calls[-1]["input"] = json.loads(delta["toolUse"]["input"])
    return calls


tell_all(ask)
