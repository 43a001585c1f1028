"""The scripted model server with the protocols of Anthropic and Google beside OpenAI's."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, cast

from examples.scripted_model import Answer, ChatRequest, ModelServer, Request, ask, named_event

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from examples.scripted_model import Json

_ERRORS = {429: "rate_limit_error", 500: "api_error"}
_STATUSES = {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}


Server = TypeVar("Server", bound=ModelServer)


@contextmanager
def serving(server: Server) -> Generator[Server]:
    """The server, while a thread of this process serves."""
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class EveryProvider(ModelServer):
    """One server for all clients; ``url`` is OpenAI's base address, ``root`` that of the other two."""

    @property
    def root(self) -> str:
        """The address without a path."""
        return self.url.removesuffix("/v1")

    def request(self, path: str, body: Json) -> Request | None:
        """The request that came to a path, read; None where nothing is served there."""
        bare = path.partition("?")[0]
        if bare == "/v1/messages":
            return AnthropicRequest(path, body)
        if bare.endswith((":generateContent", ":streamGenerateContent")):
            return GeminiRequest(bare, body)
        if bare == "/v1/chat/completions":
            return TranscriptRequest(bare, body)
        return super().request(bare, body)


class TranscriptRequest(ChatRequest):
    """A chat completion for a framework that may write its tools' answers as messages of the user (smolagents)."""

    def ask(self) -> tuple[str, list[str], bool]:
        """The same, with these messages for what they are."""
        turns = [{**turn, "role": "tool"} if _is_report(turn) else turn for turn in each(self.body.get("messages"))]
        return ask({**self.body, "messages": turns})


def _is_report(turn: Json) -> bool:
    said = json.dumps(turn.get("content"))
    return turn.get("role") == "user" and any(mark in said for mark in ("Error:\\n", "Observation:\\n"))


class AnthropicRequest(Request):
    """``POST /v1/messages`` (Anthropic Messages API, version 2023-06-01)."""

    def ask(self) -> tuple[str, list[str], bool]:
        """The last user message that is no tool result, the offered tools, and whether a tool has answered since."""
        question, answered = "", False
        for turn in each(self.body.get("messages")):
            content: Any = turn.get("content")
            blocks = [] if isinstance(content, str) else each(content)
            if turn.get("role") == "user" and any(block.get("type") == "tool_result" for block in blocks):
                answered = True
            elif turn.get("role") == "user":
                question, answered = json.dumps(content).lower(), False
        return question, [str(tool.get("name", "")) for tool in each(self.body.get("tools"))], answered

    def used(self, answer: Answer) -> Answer:
        """The answer with what this API can express: writes to the cache, and no reasoning tokens."""
        return replace(answer, cache_write_tokens=16, reasoning_tokens=0)

    def reply(self, number: int, answer: Answer) -> Json:
        """A whole message."""
        return {
            **self._message(number, self._usage(answer)),
            "content": [self._block(number, answer)],
            "stop_reason": "tool_use" if answer.tool else "end_turn",
        }

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The events of a streamed message."""
        started = {**self._usage(answer), "output_tokens": 1}
        block = self._block(number, answer)
        empty: Json = {**block, "input": {}} if answer.tool else {**block, "text": ""}
        delta = (
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            if answer.tool
            else {"type": "text_delta", "text": answer.text}
        )
        stop = {"stop_reason": "tool_use" if answer.tool else "end_turn", "stop_sequence": None}
        events: list[Json] = [
            {"type": "message_start", "message": {**self._message(number, started), "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": empty},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": stop, "usage": {"output_tokens": answer.output_tokens}},
            {"type": "message_stop"},
        ]
        return map(named_event, events)

    def error(self, status: int) -> Json:
        """The body of a failure."""
        return {"type": "error", "error": {"type": _ERRORS[status], "message": "as scripted"}}

    def _message(self, number: int, usage: Json) -> Json:
        return {
            "id": f"msg_{number:024d}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }

    def _block(self, number: int, answer: Answer) -> Json:
        if answer.tool:
            call = {"id": f"toolu_{number:024d}", "name": answer.tool}
            return {"type": "tool_use", **call, "input": answer.arguments}
        return {"type": "text", "text": answer.text}

    @staticmethod
    def _usage(answer: Answer) -> Json:
        """Usage, whose input leaves out what was read from or written to the cache."""
        cached = answer.cached_tokens + answer.cache_write_tokens
        return {
            "input_tokens": answer.input_tokens - cached,
            "cache_read_input_tokens": answer.cached_tokens,
            "cache_creation_input_tokens": answer.cache_write_tokens,
            "output_tokens": answer.output_tokens,
        }


class GeminiRequest(Request):
    """``POST /v1beta/models/MODEL:generateContent`` and ``:streamGenerateContent`` (Gemini API)."""

    def __init__(self, path: str, body: Json) -> None:
        super().__init__(path, body)
        self.model, _, method = path.rpartition("/")[2].partition(":")
        self.streamed = method == "streamGenerateContent"

    def ask(self) -> tuple[str, list[str], bool]:
        """The last user message, the offered tools, and whether a tool has answered since."""
        question, answered = "", False
        for turn in each(self.body.get("contents")):
            parts = each(turn.get("parts"))
            if any("functionResponse" in part for part in parts):
                answered = True
            elif turn.get("role", "user") == "user":
                question, answered = json.dumps(parts).lower(), False
        declared = [one for tool in each(self.body.get("tools")) for one in each(tool.get("functionDeclarations"))]
        return question, [str(one.get("name", "")) for one in declared], answered

    def reply(self, number: int, answer: Answer) -> Json:
        """A whole reply."""
        call = {"functionCall": {"id": f"call_{number}", "name": answer.tool, "args": answer.arguments}}
        part = call if answer.tool else {"text": answer.text}
        return {
            "candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
            "modelVersion": self.model,
            "responseId": f"response-{number}",
            "usageMetadata": {
                "promptTokenCount": answer.input_tokens,
                "cachedContentTokenCount": answer.cached_tokens,
                "candidatesTokenCount": answer.output_tokens - answer.reasoning_tokens,
                "thoughtsTokenCount": answer.reasoning_tokens,
                "totalTokenCount": answer.input_tokens + answer.output_tokens,
            },
        }

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The reply as one server-sent event."""
        yield f"data: {json.dumps(self.reply(number, answer))}\r\n\r\n"

    def error(self, status: int) -> Json:
        """The body of a failure."""
        return {"error": {"code": status, "message": "as scripted", "status": _STATUSES[status]}}


def each(value: Any) -> list[Json]:
    """A list that may be missing."""
    return cast("list[Json]", value or [])
