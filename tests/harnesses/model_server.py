"""A scripted model on loopback that real coding agents talk to: four APIs, one script, and what it gave out.

The first part of the path is the scenario: ``ok`` (one shell command, then an answer), ``toolerr`` (the command exits
with 3), ``429`` and ``500`` (always), ``500once``, ``broken`` (each stream is cut), ``hang`` (a stream that stops),
``subagent`` (a subagent runs the command).
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["COMMANDS", "PROMPT", "SECRET", "ModelServer"]

SECRET = "SECRET-words-of-a-user"  # noqa: S105 - planted, and looked for in what is told
PROMPT = f"Please do the job. {SECRET}"
_PART = "Do your part of the job."
COMMANDS = {"toolerr": f"echo {SECRET}; exit 3"}
_COMMAND = f"echo {SECRET}; env >environment.txt"
_SHELLS = ("Bash", "exec_command", "shell", "run_shell_command", "bash")
_SUBAGENTS = ("Agent", "Task", "task", "agent", "spawn_agent", "delegate", "invoke_agent")
_LAST = ("complete_task", "wait_agent", "wait")
"""Tools that come after: by the first a subagent of Gemini CLI answers, by the others Codex waits for its subagent."""
_ANSWER = "Done."


class Usage(NamedTuple):
    """Tokens of one answer: input with the cached ones, output with reasoning."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0


_FIRST, _SECOND, _SIDE = Usage(1000, 20, 600, 5), Usage(1500, 40, 900, 15), Usage(100, 10)


class Asked(NamedTuple):
    """What a request says, whatever its API: tools, and what came since the last prompt that is part of the script.

    ``agents`` are the ids of subagents that it started.
    """

    tools: dict[str, dict[str, Any]]
    prompt: str
    called: list[str]
    agents: tuple[str, ...] = ()


class ModelServer(ThreadingHTTPServer):
    """Serves all scenarios; ``served`` adds up what was given out, ``failed`` counts refusals, by scenario."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served: dict[str, Counter[str]] = {}
        self.hanging = threading.Event()
        self.over = threading.Event()
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def url(self, scenario: str) -> str:
        """Where a coding agent finds the API, but for the part that it adds."""
        return f"http://127.0.0.1:{self.server_port}/{scenario}"

    def forget(self, scenario: str) -> Counter[str]:
        """Begin a scenario anew; what is given out from now on is counted in the result."""
        self.hanging.clear()
        self.served[scenario] = Counter()
        return self.served[scenario]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer  # pyright: ignore[reportIncompatibleVariableOverride] - it is made by that one alone

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Nothing: tests look at what was served."""

    def do_GET(self) -> None:
        """Lists of models and the like."""
        self._answer(200 if self.path.endswith("/models") else 404, {"object": "list", "data": [], "models": []})

    def do_POST(self) -> None:
        """One request of one of the four APIs."""
        body = self._body()
        scenario, _, path = self.path.partition("?")[0].strip("/").partition("/")
        api = next((api for mark, api in _APIS.items() if mark in path), None)
        if api is None or "count" in path.lower():
            self._answer(200 if api else 404, {"input_tokens": 1, "totalTokens": 1})
            return
        asked = api.asked(body)
        is_main = any(name in asked.tools for name in (*_SHELLS, *_SUBAGENTS))
        served = self.server.served.setdefault(scenario, Counter())
        if self._fails(scenario, served, is_main=is_main):
            code = int(scenario[:3])
            served["failed"] += 1
            headers = {"retry-after": "0", "retry-after-ms": "10"}
            error = {"type": "rate_limit_error" if code == 429 else "api_error", "message": SECRET, "code": code}
            self._answer(code, {"type": "error", "error": error}, headers)
            return
        tool = _next_tool(scenario, asked) if is_main else None
        usage = (_SECOND if asked.called else _FIRST) if is_main else _SIDE
        number = f"{next(self.server.numbers):06d}"
        whole, events = api.answer(body, number, tool, usage)
        wants_stream = bool(body.get("stream")) or "stream" in path.lower()
        cut = {"hang": 1, "broken": 1}.get(scenario) if wants_stream and is_main else None
        if cut is None:
            served.update(calls=1, tools=bool(tool), side=not is_main, **usage._asdict())
        if wants_stream:
            self._stream(events, cut, named=api.named, says_done=api is _Chat, hangs=scenario == "hang")
        else:
            self._answer(200, whole)

    def _fails(self, scenario: str, served: Counter[str], *, is_main: bool) -> bool:
        if scenario == "500once":
            return is_main and not served["failed"]
        return scenario in {"429", "500"}

    def _body(self) -> Any:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            raw = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            import gzip

            raw = gzip.decompress(raw)
        try:
            found: object = json.loads(raw or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType] - parsed JSON

    def _answer(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(
        self, events: list[dict[str, Any]], cut: int | None, *, named: bool, says_done: bool, hangs: bool
    ) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for event in events[:cut]:
                name = f"event: {event['type']}\n" if named else ""
                self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()
            if cut is not None:
                self.server.hanging.set()
            if cut is not None and hangs:
                self.server.over.wait(60)
            elif cut is None and says_done:
                self.wfile.write(b"data: [DONE]\n\n")
        except OSError:  # it went away
            return


def _next_tool(scenario: str, asked: Asked) -> tuple[str, dict[str, Any]] | None:
    """The tool that the model asks for now, with its arguments; None for an answer."""
    wants_subagent = scenario == "subagent" and _PART not in asked.prompt
    names = _SUBAGENTS if wants_subagent else _SHELLS
    if not asked.prompt:
        return None
    if any(name in asked.called for name in names):
        last = next((name for name in _LAST if name in asked.tools and (name == _LAST[0] or wants_subagent)), None)
        if last is None or last in asked.called:
            return None
        return last, {
            **_arguments(last, asked.tools[last], scenario),
            **({"targets": asked.agents} if asked.agents else {}),
        }
    name = next((name for name in names if name in asked.tools), None)
    return None if name is None else (name, _arguments(name, asked.tools[name], scenario))


def _arguments(name: str, schema: dict[str, Any], scenario: str) -> dict[str, Any]:
    """Arguments that the tool's schema takes."""
    given: dict[str, Any] = {}
    command = COMMANDS.get(scenario, _COMMAND)
    properties: dict[str, Any] = schema.get("properties") or {}
    for key, about in properties.items():
        if key in {"command", "cmd"}:
            given[key] = ["bash", "-lc", command] if about.get("type") == "array" else command
        elif name in _SUBAGENTS and key in {"prompt", "message", "objective", "task", "request", "instructions"}:
            given[key] = _PART
        elif name in _SUBAGENTS and key in {"subagent_type", "agent_type", "agent_name"}:
            given[key] = (about.get("enum") or [_KIND.get(name, "general-purpose")])[0]
        elif key in (schema.get("required") or ()):
            kinds: dict[str, Any] = {"integer": 60, "number": 60, "boolean": False, "array": [], "object": {}}
            given[key] = (about.get("enum") or [kinds.get(str(about.get("type")).lower(), "the job")])[0]
    return given


_KIND = {"task": "general", "invoke_agent": "generalist"}


# The four APIs: each gives what a request asks, and an answer, whole and as the events of a stream --------------------


def _since_prompt(messages: list[Any], texts: list[str]) -> tuple[str, list[Any]]:
    """The last prompt of the script, and the messages after it."""
    for at in range(len(messages) - 1, -1, -1):
        if PROMPT in texts[at] or _PART in texts[at]:
            return texts[at], messages[at + 1 :]
    return "", []


class _Chat:
    """OpenAI's chat completions: Qwen Code, Copilot CLI, opencode, pi."""

    named = False

    @staticmethod
    def asked(body: Any) -> Asked:
        tools: dict[str, Any] = {
            each["function"]["name"]: each["function"].get("parameters") or {} for each in _items(body, "tools")
        }
        messages = _items(body, "messages")
        users = [json.dumps(each.get("content")) if each.get("role") == "user" else "" for each in messages]
        prompt, after = _since_prompt(messages, users)
        called = [call["function"]["name"] for each in after for call in _items(each, "tool_calls")]
        return Asked(tools, prompt, called)

    @staticmethod
    def answer(body: Any, number: str, tool: Any, usage: Usage) -> tuple[Any, list[Any]]:
        used = {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }
        base = {"id": f"chatcmpl-{number}", "created": 1, "model": body.get("model"), "object": "chat.completion"}
        message: dict[str, Any] = {"role": "assistant", "content": None if tool else _ANSWER}
        if tool:
            function = {"name": tool[0], "arguments": json.dumps(tool[1])}
            message["tool_calls"] = [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]
        reason = "tool_calls" if tool else "stop"
        whole = {**base, "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": used}
        chunk = {**base, "object": "chat.completion.chunk"}
        events = [
            {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
            for delta, end in (({"role": "assistant", "content": ""}, None), (message, None), ({}, reason))
        ]
        return whole, [*events, {**chunk, "choices": [], "usage": used}]


class _Responses:
    """OpenAI's responses: Codex."""

    named = True

    @staticmethod
    def asked(body: Any) -> Asked:
        flat = [inner for each in _items(body, "tools") for inner in _items(each, "tools") or [each]]
        tools: dict[str, Any] = {each["name"]: each.get("parameters") or {} for each in flat if "name" in each}
        items = _items(body, "input")
        texts = [json.dumps(each) if each.get("role") == "user" else "" for each in items]
        prompt, after = _since_prompt(items, texts)
        agents = re.findall(r'"agent_id": ?"([^"]+)"', "".join(str(each.get("output", "")) for each in after))
        called = [each.get("name", "") for each in after if each.get("type") == "function_call"]
        return Asked(tools, prompt, called, tuple(agents))

    @staticmethod
    def answer(body: Any, number: str, tool: Any, usage: Usage) -> tuple[Any, list[Any]]:
        used = {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        }
        if tool:
            call = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "status": "completed"}
            space = next((each for each in _items(body, "tools") if tool[0] in _names(each)), None)
            within = {} if space is None else {"namespace": space["name"]}
            item: dict[str, Any] = {**call, "name": tool[0], **within, "arguments": json.dumps(tool[1])}
        else:
            content: Any = [{"type": "output_text", "text": _ANSWER, "annotations": []}]
            item = {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        response: dict[str, Any] = {
            "id": f"resp_{number}",
            "object": "response",
            "model": body.get("model"),
            "status": "completed",
        }
        response["created_at"] = 1
        whole = {**response, "output": [item], "usage": used}
        events: list[Any] = [
            {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": whole},
        ]
        return whole, [{**event, "sequence_number": at} for at, event in enumerate(events)]


def _names(tools: Any) -> list[str]:
    """What the tools of a namespace are called."""
    return [each.get("name", "") for each in _items(tools, "tools")]


class _Messages:
    """Anthropic's messages: Claude Code."""

    named = True

    @staticmethod
    def asked(body: Any) -> Asked:
        tools: dict[str, Any] = {
            each["name"]: each.get("input_schema") or {} for each in _items(body, "tools") if "name" in each
        }
        messages = _items(body, "messages")
        texts = [_said(each) if each.get("role") == "user" else "" for each in messages]
        prompt, after = _since_prompt(messages, texts)
        blocks = [block for each in after for block in _items(each, "content")]
        return Asked(tools, prompt, [block["name"] for block in blocks if block.get("type") == "tool_use"])

    @staticmethod
    def answer(body: Any, number: str, tool: Any, usage: Usage) -> tuple[Any, list[Any]]:
        used = {
            "input_tokens": usage.input - usage.cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": usage.cached,
            "output_tokens": usage.output,
        }
        block: dict[str, Any] = {"type": "text", "text": _ANSWER}
        start: dict[str, Any] = {"type": "text", "text": ""}
        delta: dict[str, Any] = {"type": "text_delta", "text": _ANSWER}
        if tool:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": tool[0], "input": tool[1]}
            start, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(tool[1])}
        reason = "tool_use" if tool else "end_turn"
        message = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model"),
            "usage": used,
        }
        whole = {**message, "content": [block], "stop_reason": reason, "stop_sequence": None}
        begun = {**whole, "content": [], "stop_reason": None, "usage": {**used, "output_tokens": 1}}
        stop = {"stop_reason": reason, "stop_sequence": None}
        return whole, [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": stop, "usage": {"output_tokens": usage.output}},
            {"type": "message_stop"},
        ]


class _Generate:
    """Google's generateContent: Gemini CLI."""

    named = False

    @staticmethod
    def asked(body: Any) -> Asked:
        declared = [each for tool in _items(body, "tools") for each in _items(tool, "functionDeclarations")]
        tools: dict[str, Any] = {
            each["name"]: each.get("parametersJsonSchema") or each.get("parameters") or {} for each in declared
        }
        contents = _items(body, "contents")
        texts = [json.dumps(each.get("parts")) if each.get("role") == "user" else "" for each in contents]
        prompt, after = _since_prompt(contents, texts)
        parts = [part for each in after for part in _items(each, "parts")]
        return Asked(tools, prompt, [part["functionCall"]["name"] for part in parts if "functionCall" in part])

    @staticmethod
    def answer(_body: Any, number: str, tool: Any, usage: Usage) -> tuple[Any, list[Any]]:
        part: dict[str, Any] = {"functionCall": {"name": tool[0], "args": tool[1]}} if tool else {"text": _ANSWER}
        used = {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": usage.output - usage.reasoning,
            "thoughtsTokenCount": usage.reasoning,
            "cachedContentTokenCount": usage.cached,
            "totalTokenCount": usage.input + usage.output,
        }
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        whole = {
            "candidates": [candidate],
            "usageMetadata": used,
            "responseId": number,
            "modelVersion": "gemini-2.5-pro",
        }
        thought = {"content": {"role": "model", "parts": [{"text": "hm", "thought": True}]}, "index": 0}
        return whole, [{"candidates": [thought]}, whole]


_APIS: dict[str, Any] = {
    "chat/completions": _Chat,
    "responses": _Responses,
    "messages": _Messages,
    "enerateContent": _Generate,
    "countTokens": _Generate,
}


def _items(within: Any, key: str) -> list[Any]:
    """Its list under that key."""
    found = within.get(key)
    return found if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType] - parsed JSON


def _said(message: Any) -> str:
    """The text of a message; not what tools gave back, which hold the prompts of subagents."""
    blocks = [block for block in _items(message, "content") if block.get("type") != "tool_result"]
    return json.dumps(blocks or message.get("content"))
