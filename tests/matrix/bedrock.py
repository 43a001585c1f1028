"""The protocol of Bedrock's runtime, scripted: Converse and InvokeModel, whole and streamed."""

from __future__ import annotations

import base64
import json
import struct
from binascii import crc32
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from examples.scripted_model import Answer, Request
from tests.matrix.model import AnthropicRequest, each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.scripted_model import Json


def bedrock(path: str, body: Json) -> Request | None:
    """The request that came to a path below ``/model/``, read; None where nothing is served there."""
    kinds = {"converse": ConverseRequest, "converse-stream": ConverseRequest}
    kinds |= {"invoke": InvokeRequest, "invoke-with-response-stream": InvokeRequest}
    kind = kinds.get(path.rpartition("/")[2])
    return None if kind is None else kind(path, body)


class ConverseRequest(Request):
    """``POST /model/ID/converse`` and ``/converse-stream`` (Bedrock Runtime API, 2023-09-30)."""

    streams_as = "application/vnd.amazon.eventstream"

    def __init__(self, path: str, body: Json) -> None:
        super().__init__(path, body)
        self.model = path.split("/")[2]
        self.streamed = path.endswith("-stream")

    def ask(self) -> tuple[str, list[str], bool]:
        """The last user message that is no tool result, the offered tools, and whether a tool has answered since."""
        question, answered = "", False
        for turn in each(self.body.get("messages")):
            blocks = each(turn.get("content"))
            if any("toolResult" in block for block in blocks):
                answered = True
            elif turn.get("role") == "user":
                question, answered = json.dumps(blocks).lower(), False
        configured = cast("Json", self.body.get("toolConfig") or {})
        return question, [tool["toolSpec"]["name"] for tool in each(configured.get("tools"))], answered

    def used(self, answer: Answer) -> Answer:
        """What this API can express."""
        return replace(answer, cache_write_tokens=16, reasoning_tokens=0)

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        call = {"toolUse": {"toolUseId": f"tooluse_{number}", "name": answer.tool, "input": answer.arguments}}
        content = [call] if answer.tool else [{"text": answer.text}]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            **self._stop(answer),
            **self._usage(answer),
        }

    def stream(self, number: int, answer: Answer) -> Iterator[bytes]:
        """The events, in AWS' binary form."""
        delta: Json = {"delta": {"text": answer.text}}
        yield in_frame("messageStart", {"role": "assistant"})
        if answer.tool:  # a text just begins
            start = {"start": {"toolUse": {"toolUseId": f"tooluse_{number}", "name": answer.tool}}}
            delta = {"delta": {"toolUse": {"input": json.dumps(answer.arguments)}}}
            yield in_frame("contentBlockStart", {"contentBlockIndex": 0, **start})
        yield in_frame("contentBlockDelta", {"contentBlockIndex": 0, **delta})
        yield in_frame("contentBlockStop", {"contentBlockIndex": 0})
        yield in_frame("messageStop", self._stop(answer))
        yield in_frame("metadata", self._usage(answer))

    def error(self, status: int) -> Json:
        """The body of a failure."""
        return {"message": "as scripted"}

    @staticmethod
    def _stop(answer: Answer) -> Json:
        return {"stopReason": "tool_use" if answer.tool else "end_turn"}

    @staticmethod
    def _usage(answer: Answer) -> Json:
        """Usage, whose input leaves out what was read from or written to the cache; the total does not."""
        cached = answer.cached_tokens + answer.cache_write_tokens
        usage = {
            "inputTokens": answer.input_tokens - cached,
            "outputTokens": answer.output_tokens,
            "totalTokens": answer.input_tokens + answer.output_tokens,
            "cacheReadInputTokens": answer.cached_tokens,
            "cacheWriteInputTokens": answer.cache_write_tokens,
        }
        return {"usage": usage, "metrics": {"latencyMs": 5}}


class InvokeRequest(AnthropicRequest):
    """``POST /model/ID/invoke`` and ``/invoke-with-response-stream`` with the body of Anthropic's models."""

    streams_as = "application/vnd.amazon.eventstream"

    def __init__(self, path: str, body: Json) -> None:
        super().__init__(path, body)
        self.model = path.split("/")[2]
        self.streamed = path.endswith("-stream")

    def stream(self, number: int, answer: Answer) -> Any:
        """Anthropic's events, each in a chunk of AWS' binary form."""
        for event in super().stream(number, answer):
            data = base64.b64encode(event.partition("data: ")[2].strip().encode()).decode()
            yield in_frame("chunk", {"bytes": data})

    def error(self, status: int) -> Json:
        """The body of a failure."""
        return {"message": "as scripted"}


def in_frame(kind: str, payload: Json) -> bytes:
    """An event of Amazon's event stream encoding, which ``botocore.eventstream`` reads."""
    said = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in said.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + body
    return message + struct.pack("!I", crc32(message))
