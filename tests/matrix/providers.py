"""The protocols of Ollama, Cohere, and of those that speak OpenAI's with a usage of their own, scripted.

Each but Bedrock's is served below a path of its own, which :func:`tests.matrix.run.variables_for` tells its client.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from examples.scripted_model import Answer, ChatRequest, Request, chat_chunks, chat_reply
from tests.matrix.bedrock import bedrock
from tests.matrix.model import EveryProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.scripted_model import Json


class Providers(EveryProvider):
    """The scripted model with these protocols too."""

    def request(self, path: str, body: Json) -> Request | None:
        """The request that came to a path, read; None where nothing is served there."""
        bare = unquote(path.partition("?")[0])
        if bare.startswith("/model/"):
            return bedrock(bare, body)
        provider = bare.split("/")[1]
        if bare == "/ollama/api/chat":
            return OllamaRequest(bare, body)
        if bare == "/cohere/v2/chat":
            return CohereRequest(bare, body)
        if bare == "/v1/embeddings":
            return EmbeddingsRequest(bare, body)
        if provider in _CHATS and bare.endswith("/chat/completions"):
            return _CHATS[provider](bare, body)
        return super().request(path, body)


# Chat completions, by others than OpenAI ------------------------------------------------------------------------------


class _Plain(ChatRequest):
    """One that has neither cached nor reasoning tokens, and whose streams end with their usage, asked for or not."""

    def used(self, answer: Answer) -> Answer:
        """What this API can express."""
        return replace(answer, cached_tokens=0, reasoning_tokens=0)

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        return {**chat_reply(self.model, number, answer), "usage": self._usage(answer)}

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The chunks, the last of which has the usage."""
        chunks = [*chat_chunks(self.model, number, answer, include_usage=False)]
        chunks[-1] |= self._last(answer)
        for chunk in chunks:
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    def _last(self, answer: Answer) -> Json:
        return {"usage": self._usage(answer)}

    @staticmethod
    def _usage(answer: Answer) -> Json:
        total = answer.input_tokens + answer.output_tokens
        return {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": total,
        }


class _Groq(_Plain):
    """``POST /openai/v1/chat/completions`` of Groq: a stream's usage is in ``x_groq``."""

    def _last(self, answer: Answer) -> Json:
        return {"x_groq": {"id": "req_1", "usage": self._usage(answer)}}


class _Steps(ChatRequest):
    """A chat completion for browser-use, whose replies are JSON that says which actions to take."""

    def ask(self) -> tuple[str, list[str], bool]:
        """The task that the last message repeats, the actions of the story, and whether one of them was taken."""
        last = json.dumps(self.body["messages"][-1]).lower()
        history = last.partition("<agent_history>")[2].partition("</agent_history>")[0]
        return last, ["get_weather", "get_stock_price"], "result" in history

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        done = {"done": {"text": answer.text, "success": True}}
        step = {"evaluation_previous_goal": "", "memory": "", "next_goal": ""}
        said = {**step, "action": [{answer.tool: answer.arguments} if answer.tool else done]}
        return chat_reply(self.model, number, replace(answer, text=json.dumps(said), tool=""))


_CHATS: dict[str, type[ChatRequest]] = {
    "browser-use": _Steps,
    "groq": _Groq,
    "huggingface": ChatRequest,
    "mistral": _Plain,
    "together": _Plain,
    "vllm": ChatRequest,
}


class EmbeddingsRequest(Request):
    """``POST /v1/embeddings`` of OpenAI, which never fails."""

    def ask(self) -> tuple[str, list[str], bool]:
        """Nothing that the script has a word for."""
        return "", [], False

    def used(self, answer: Answer) -> Answer:
        """What this API can express."""
        return replace(answer, tool="", output_tokens=0, cached_tokens=0, reasoning_tokens=0)

    def reply(self, number: int, answer: Answer) -> Json:
        """A vector for each text."""
        asked = self.body.get("input")
        texts: list[Any] = cast("list[Any]", asked) if isinstance(asked, list) else [asked]
        usage = {"prompt_tokens": answer.input_tokens, "total_tokens": answer.input_tokens}
        vectors = [{"object": "embedding", "index": at, "embedding": _VECTOR} for at, _ in enumerate(texts)]
        return {"object": "list", "model": self.model, "data": vectors, "usage": usage}

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """No vector is streamed."""
        raise NotImplementedError


_VECTOR = [0.5] * 8


# Ollama ---------------------------------------------------------------------------------------------------------------


class OllamaRequest(Request):
    """``POST /api/chat``; lines of JSON where it is streamed."""

    streams_as = "application/x-ndjson"

    def used(self, answer: Answer) -> Answer:
        """What this API can express."""
        return replace(answer, cached_tokens=0, reasoning_tokens=0)

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        call = {"function": {"name": answer.tool, "arguments": answer.arguments}}
        message: Json = {"role": "assistant", "content": answer.text}
        return {**self._part({**message, "tool_calls": [call]} if answer.tool else message), **self._end(answer)}

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The words, or the call, and a last line with the usage."""
        call = {"function": {"name": answer.tool, "arguments": answer.arguments}}
        said = [{"role": "assistant", "content": "", "tool_calls": [call]}] if answer.tool else []
        said += [{"role": "assistant", "content": f"{word} "} for word in answer.text.split()]
        parts = [self._part(message) for message in said]
        parts.append({**self._part({"role": "assistant", "content": ""}), **self._end(answer)})
        return (f"{json.dumps(part)}\n" for part in parts)

    def error(self, status: int) -> Json:
        """The body of a failure."""
        return {"error": "as scripted"}

    def _part(self, message: Json) -> Json:
        return {"model": self.model, "created_at": "2026-11-29T12:00:00Z", "message": message, "done": False}

    @staticmethod
    def _end(answer: Answer) -> Json:
        return {
            "done": True,
            "done_reason": "stop",
            "total_duration": 5_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": answer.input_tokens,
            "prompt_eval_duration": 1_000_000,
            "eval_count": answer.output_tokens,
            "eval_duration": 3_000_000,
        }


# Cohere ---------------------------------------------------------------------------------------------------------------


class CohereRequest(Request):
    """``POST /v2/chat``."""

    def used(self, answer: Answer) -> Answer:
        """What this API can express."""
        return replace(answer, cached_tokens=0, reasoning_tokens=0)

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        said: Json = {"content": [{"type": "text", "text": answer.text}]}
        called: Json = {"tool_calls": [self._call(number, answer)], "tool_plan": "I ask."}
        return {
            "id": f"cohere-{number}",
            **self._end(answer),
            "message": {"role": "assistant", **(called if answer.tool else said)},
        }

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The events of a streamed reply."""
        events: list[Json] = [
            {"type": "message-start", "id": f"cohere-{number}", "delta": {"message": {"role": "assistant"}}}
        ]
        if answer.tool:
            call = self._call(number, answer)
            events += [
                {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}},
                {"type": "tool-call-end", "index": 0},
            ]
        else:
            content: Json = {"type": "text", "text": ""}
            events.append({"type": "content-start", "index": 0, "delta": {"message": {"content": content}}})
            events += [
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": f"{word} "}}}}
                for word in answer.text.split()
            ]
            events.append({"type": "content-end", "index": 0})
        events.append({"type": "message-end", "id": f"cohere-{number}", "delta": self._end(answer)})
        return (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)

    def error(self, status: int) -> Json:
        """The body of a failure."""
        return {"message": "as scripted"}

    @staticmethod
    def _call(number: int, answer: Answer) -> Json:
        function = {"name": answer.tool, "arguments": json.dumps(answer.arguments)}
        return {"id": f"call_{number}", "type": "function", "function": function}

    @staticmethod
    def _end(answer: Answer) -> Json:
        tokens = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
        billed = {"input_tokens": answer.input_tokens - 100, "output_tokens": answer.output_tokens}
        return {
            "finish_reason": "TOOL_CALL" if answer.tool else "COMPLETE",
            "usage": {"billed_units": billed, "tokens": tokens},
        }
