"""An OpenAI-compatible model server that follows a script: chat completions and responses, streamed or whole.

``python scripted_model.py --port 0`` prints its address on stdout and serves on loopback until it is stopped. What it
answers is decided by words in the last user message:

==================  ==================================================================================
``weather``         one call of the tool ``get_weather``, then a text
``stock``           one call of the tool ``get_stock_price``, then a text
``hand off``        a hand-off by the tool ``transfer_to_specialist``, then a text
``rate limit``      429, always
``server error``    500, always
``slow``            a text after ``--slow-seconds``, so that it can be cancelled
anything else       a text
==================  ==================================================================================

A tool is called only if the request offers it. ``GET /handed_out`` gives what was served so far, as JSON totals, so
that a program's own count of tokens can be compared with the truth; an answer whose client hung up is not counted.
``POST /reset`` begins a new count. ``GET /waiting`` says how many wait for a slow answer, and so can be cancelled.
"""

from __future__ import annotations

import argparse
import json
import select
import sys
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

TOOLS_BY_WORD = {"weather": "get_weather", "stock": "get_stock_price", "hand off": "transfer_to_specialist"}
ERRORS_BY_WORD = {"rate limit": 429, "server error": 500}
TEXT = "Here is what was asked for."
ARGUMENTS = {"get_weather": {"city": "Lisbon"}, "get_stock_price": {"symbol": "ACME"}, "transfer_to_specialist": {}}
LAST_TOOLS = {"final_answer", "submit"}
"""By one of these alone may an agent end that offers it."""


@dataclass
class HandedOut:
    """Totals of what the server answered; ``requests`` counts the successful ones."""

    requests: int = 0
    errors: int = 0
    streamed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    tool_calls: int = 0
    models: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Answer:
    """One reply: a text or a tool call, and its usage."""

    text: str = ""
    tool: str = ""
    arguments: Json = field(default_factory=dict[str, Any])
    input_tokens: int = 120
    output_tokens: int = 30
    cached_tokens: int = 40
    cache_write_tokens: int = 0
    reasoning_tokens: int = 8


class Script:
    """Decides each answer and keeps the totals."""

    def __init__(self, slow_seconds: float) -> None:
        self.slow_seconds = slow_seconds
        self.handed_out = HandedOut()
        self.waiting = 0
        self._lock = Lock()
        self._numbers = count(1)

    def answer(self, question: str, offered: list[str], *, has_tool_result: bool) -> Answer | int:
        """The answer to a question, or the HTTP status of a failure."""
        for word, status in ERRORS_BY_WORD.items():
            if word in question:
                return status
        if not has_tool_result:
            for word, tool in TOOLS_BY_WORD.items():
                # a tool of an MCP server or of a plugin may be offered with the name of that before its own
                found = next(
                    (name for name in offered if name == tool or name.endswith((f"__{tool}", f"-{tool}"))), None
                )
                if word in question and found is not None:
                    return Answer(tool=found, arguments=ARGUMENTS[tool])
        for tool in LAST_TOOLS.intersection(offered):
            return Answer(tool=tool, arguments={"answer": TEXT}, output_tokens=50)
        return Answer(text=TEXT, output_tokens=50)

    def number(self) -> int:
        """The number of the next reply."""
        with self._lock:
            return next(self._numbers)

    def count(self, model: str, answer: Answer, *, streamed: bool) -> None:
        """Add a served answer to the totals."""
        with self._lock:
            total = self.handed_out
            total.requests += 1
            total.streamed += streamed
            total.input_tokens += answer.input_tokens
            total.output_tokens += answer.output_tokens
            total.cached_tokens += answer.cached_tokens
            total.cache_write_tokens += answer.cache_write_tokens
            total.reasoning_tokens += answer.reasoning_tokens
            total.tool_calls += bool(answer.tool)
            total.models[model] = total.models.get(model, 0) + 1

    def count_error(self) -> None:
        """Add a failure to the totals."""
        with self._lock:
            self.handed_out.errors += 1

    @contextmanager
    def waited_for(self) -> Iterator[None]:
        """While somebody waits for a slow answer."""
        with self._lock:
            self.waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self.waiting -= 1

    def totals(self) -> Json:
        """The totals as JSON."""
        with self._lock:
            return asdict(self.handed_out)

    def reset(self) -> None:
        """Begin a new count."""
        with self._lock:
            self.handed_out = HandedOut()


def ask(body: Json) -> tuple[str, list[str], bool]:
    """The last user message, the names of the offered tools, and whether a tool has answered since that message."""
    messages = body.get("messages", body.get("input", []))
    turns = cast("list[Json]", [{"role": "user", "content": messages}] if isinstance(messages, str) else messages)
    question, answered = "", False
    for turn in turns:
        if turn.get("role") == "user":
            question, answered = json.dumps(turn.get("content")).lower(), False
        elif turn.get("role") == "tool" or turn.get("type") == "function_call_output":
            answered = True
    offered = [tool.get("function", tool).get("name", "") for tool in body.get("tools") or []]
    return question, offered, answered


# Chat completions ---------------------------------------------------------------------------------------------------


def chat_usage(answer: Answer) -> Json:
    """Usage as the chat completions API writes it."""
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
    }


def chat_reply(model: str, number: int, answer: Answer) -> Json:
    """A whole chat completion."""
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.tool:
        message["tool_calls"] = [_chat_call(number, answer)]
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if answer.tool else "stop"}],
        "usage": chat_usage(answer),
    }


def _chat_call(number: int, answer: Answer) -> Json:
    arguments = json.dumps(answer.arguments)
    return {"id": f"call_{number}", "type": "function", "function": {"name": answer.tool, "arguments": arguments}}


def chat_chunks(model: str, number: int, answer: Answer, *, include_usage: bool) -> Iterator[Json]:
    """A chat completion as the chunks of a stream."""

    def chunk(delta: Json, finish: str | None = None) -> Json:
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }

    yield chunk({"role": "assistant", "content": ""})
    if answer.tool:
        yield chunk({"tool_calls": [{"index": 0, **_chat_call(number, answer)}]})
    for word in answer.text.split():
        yield chunk({"content": f"{word} "})
    yield chunk({}, "tool_calls" if answer.tool else "stop")
    if include_usage:
        yield {**chunk({}), "choices": [], "usage": chat_usage(answer)}


# Responses ----------------------------------------------------------------------------------------------------------


def response_reply(model: str, number: int, answer: Answer, status: str = "completed") -> Json:
    """A whole response; ``in_progress`` is how a stream begins."""
    done = status == "completed"
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [response_item(number, answer)] if done else [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": response_usage(answer) if done else None,
    }


def response_usage(answer: Answer) -> Json:
    """Usage as the responses API writes it."""
    return {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }


def response_item(number: int, answer: Answer) -> Json:
    """The one output item of a response: a message or a function call."""
    if answer.tool:
        return {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{number}",
            "name": answer.tool,
            "arguments": json.dumps(answer.arguments),
            "status": "completed",
        }
    return {
        "type": "message",
        "id": f"msg_{number}",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": answer.text, "annotations": []}],
    }


def response_events(model: str, number: int, answer: Answer) -> Iterator[Json]:
    """A response as the events of a stream."""
    item = response_item(number, answer)
    nothing_yet: Json = {"arguments": ""} if answer.tool else {"content": []}
    began = {**item, **nothing_yet, "status": "in_progress"}
    started = response_reply(model, number, answer, "in_progress")
    events: list[Json] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": began},
    ]
    if answer.tool:
        place = {"item_id": item["id"], "output_index": 0}
        whole = {"name": answer.tool, "arguments": item["arguments"]}
        events += [
            {"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]},
            {"type": "response.function_call_arguments.done", **place, **whole},
        ]
    else:
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        events.extend(
            {"type": "response.output_text.delta", **place, "delta": f"{word} ", "logprobs": []}
            for word in answer.text.split()
        )
    events += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response_reply(model, number, answer)},
    ]
    for sequence, event in enumerate(events):
        yield {**event, "sequence_number": sequence}


# HTTP ---------------------------------------------------------------------------------------------------------------


class Request(ABC):
    """One request: what was asked, of which model, and how the reply is written."""

    streams_as = "text/event-stream"
    """The media type of a streamed reply."""

    def __init__(self, path: str, body: Json) -> None:
        self.path = path
        self.body = body
        self.model = str(body.get("model", ""))
        self.streamed = bool(body.get("stream"))

    def ask(self) -> tuple[str, list[str], bool]:
        """The last user message, the names of the offered tools, and whether a tool has answered since."""
        return ask(self.body)

    def used(self, answer: Answer) -> Answer:
        """The answer with the usage that this API can express."""
        return answer

    @abstractmethod
    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""

    @abstractmethod
    def stream(self, number: int, answer: Answer) -> Iterator[str] | Iterator[bytes]:
        """The reply in parts, by default server-sent events."""

    def error(self, status: int) -> Json:
        """The body of a failure."""
        kind = "rate_limit_error" if status == 429 else "server_error"
        return {"error": {"message": "as scripted", "type": kind, "code": kind}}


class ChatRequest(Request):
    """``POST /v1/chat/completions``."""

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        return chat_reply(self.model, number, answer)

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The reply as server-sent events; usage only where it was asked for."""
        wants_usage = bool((self.body.get("stream_options") or {}).get("include_usage"))
        for chunk in chat_chunks(self.model, number, answer, include_usage=wants_usage):
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"


class ResponsesRequest(Request):
    """``POST /v1/responses``."""

    def reply(self, number: int, answer: Answer) -> Json:
        """The whole reply."""
        return response_reply(self.model, number, answer)

    def stream(self, number: int, answer: Answer) -> Iterator[str]:
        """The reply as server-sent events."""
        return map(named_event, response_events(self.model, number, answer))


def named_event(event: Json) -> str:
    """A server-sent event that is named by its type."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


class ModelServer(ThreadingHTTPServer):
    """The server on loopback; ``url`` is what ``OPENAI_BASE_URL`` takes."""

    daemon_threads = True

    def __init__(self, port: int = 0, slow_seconds: float = 30.0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = Script(slow_seconds)

    def request(self, path: str, body: Json) -> Request | None:
        """The request that came to a path, read; None where nothing is served there."""
        kind = {"/v1/chat/completions": ChatRequest, "/v1/responses": ResponsesRequest}.get(path)
        return None if kind is None else kind(path, body)

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; anything else is shown as usual."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer  # pyright: ignore[reportIncompatibleVariableOverride] - always made by ModelServer

    def do_GET(self) -> None:
        if self.path == "/handed_out":
            self._send(200, self.server.script.totals())
        elif self.path == "/waiting":
            self._send(200, {"waiting": self.server.script.waiting})
        else:
            self._send(404, {"error": {"message": f"no such address: {self.path}"}})

    def do_POST(self) -> None:
        body = self._read()
        if self.path == "/reset":
            self.server.script.reset()
            self._send(200, {})
        elif (request := self.server.request(self.path, body)) is not None:
            self._answer(request)
        else:
            self._send(404, {"error": {"message": f"no such address: {self.path}"}})

    def _answer(self, request: Request) -> None:
        script = self.server.script
        question, offered, answered = request.ask()
        if "slow" in question and self._client_leaves_within(script.slow_seconds):
            self.close_connection = True
            return
        answer = script.answer(question, offered, has_tool_result=answered)
        if isinstance(answer, int):
            script.count_error()
            self._send(answer, request.error(answer))
            return
        answer, number = request.used(answer), script.number()
        script.count(request.model, answer, streamed=request.streamed)
        if request.streamed:
            self._stream(request.stream(number, answer), request.streams_as)
        else:
            self._send(200, request.reply(number, answer))

    def _client_leaves_within(self, seconds: float) -> bool:
        # A client that waits for its answer has nothing to say: its socket turns readable only when it hangs up.
        with self.server.script.waited_for():
            return bool(select.select([self.connection], [], [], seconds)[0])

    def _read(self) -> Json:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(raw) if raw else {}

    def _send(self, status: int, body: Json) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, parts: Iterator[str] | Iterator[bytes], media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Connection", "close")
        self.end_headers()
        for part in parts:
            self.wfile.write(part.encode() if isinstance(part, str) else part)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: what was served is at ``/handed_out``."""


def main() -> None:
    """Serve until stopped; the first line on stdout is the base address."""
    parser = argparse.ArgumentParser(description="An OpenAI-compatible model server that follows a script.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--slow-seconds", type=float, default=30.0, help="how long a slow answer takes")
    arguments = parser.parse_args()
    server = ModelServer(arguments.port, arguments.slow_seconds)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
