"""Log records of coding agents that stand for something: a prompt, a model call, a tool call, a subagent's run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._made import (
    FOLLOW_UP,
    Made,
    home,
    is_main,
    process_of,
    run_of,
    span_id_of,
    trace_id_of,
)
from otel_agent_telemetry.meaning.harnesses._marks import BEGUN, CALL, LOG, PART, ROOT, SUB, TOOL, Marks
from otel_agent_telemetry.meaning.harnesses._words import WORDS, code, count, fresh_tokens, is_no, text
from otel_agent_telemetry.otlp._values import attributes, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

__all__ = ["made_of_log"]

_NS_PER_MS = 1_000_000
_HTTP_ERROR = 400
_SPAN_ID_BYTES = 8
_FAILED = frozenset({"error.message", "error.type"})


class _Line(NamedTuple):
    """A log record of a coding agent: its event's name without the program's, its attributes, what it belongs to."""

    harness: str
    event: str
    given: Mapping[str, object]
    session: str
    process: str
    trace_id: int
    span_id: int
    time_ns: int

    @property
    def prompt(self) -> str | None:
        given = text(self.given, "prompt.id", "prompt_id")
        return given.partition(FOLLOW_UP)[0] if given is not None and self.harness == marks_of.QWEN else given

    @property
    def agent(self) -> str | None:
        """The id of the subagent that a prompt of Gemini CLI is by."""
        is_by_one = self.harness == marks_of.GEMINI and self.prompt is not None
        return None if not is_by_one or is_main(self.session, self.prompt) else (self.prompt or "").partition("#")[0]

    @property
    def is_astray(self) -> bool:
        """Whether its trace may be another than that of the user's prompt: a subagent of Qwen Code may have its own."""
        own = text(self.given, "prompt_id") or self.session
        is_prompt = own.startswith(f"{self.session}##") and FOLLOW_UP not in own
        return self.harness == marks_of.QWEN and not is_prompt

    @property
    def duration_ns(self) -> int:
        return count(self.given, "duration_ms") * _NS_PER_MS

    @property
    def home(self) -> tuple[object, ...]:
        """What the prompt that it belongs to is known by."""
        return home(self.harness, self.session, self.prompt, self.process)

    def run(self, *name: object) -> Made:
        """The run that a prompt begins."""
        marks = Marks(self.harness, LOG, ROOT, self.session, self.prompt)
        is_loose = not self.trace_id or self.harness == marks_of.GEMINI
        return run_of(marks, self.home, 0 if is_loose else self.trace_id, self.time_ns, *name)

    def made(
        self, part: str, *name: object, error: str | None = None, agent_id: str | None = None, **words: object
    ) -> Made:
        """A span of the record; ``name`` are what it is known by beside its time."""
        is_homeless = not self.trace_id or self.harness == marks_of.GEMINI
        trace_id = trace_id_of(*self.home) if is_homeless else self.trace_id
        is_loose = is_homeless or self.is_astray
        given = {"operation": _OPERATIONS.get(part), "error": error, "session": self.session, **words}
        return Made(
            trace_id,
            span_id_of(*self.home, part, *(name or (self.time_ns, self.span_id))),
            self.span_id,
            f"{self.harness} {self.event}",
            self.time_ns - self.duration_ns,
            self.time_ns,
            Marks(self.harness, LOG, part, self.session, self.prompt, agent=agent_id or self.agent, is_loose=is_loose),
            {WORDS[word]: value for word, value in given.items() if value is not None},
            is_error=error is not None,
        )


_OPERATIONS = {
    SUB: semconv.OPERATION_INVOKE_AGENT,
    CALL: semconv.OPERATION_CHAT,
    TOOL: semconv.OPERATION_EXECUTE_TOOL,
}


def made_of_log(resource: Resource, harness: str, record: LogRecord) -> Made | None:
    """The span that a coding agent's log record stands for; None for one that stands for none."""
    reader = _READERS.get(harness)
    if reader is None:
        return None
    given, about = attributes(record.attributes), attributes(resource.attributes)
    session = text(given, "session.id", "conversation.id") or text(about, "session.id")
    event = text(given, "event.name") or (text({"body": plain(record.body)}, "body") or "")
    if session is None or not event:
        return None
    line = _Line(
        harness,
        event.rpartition(".")[2] if not event.startswith("codex.") else event.removeprefix("codex."),
        given,
        session,
        process_of(about),
        int.from_bytes(record.trace_id, "big"),
        int.from_bytes(record.span_id, "big") if len(record.span_id) == _SPAN_ID_BYTES else 0,
        record.time_unix_nano or record.observed_time_unix_nano,
    )
    return reader(line)


def _status(given: Mapping[str, object], *keys: str) -> str:
    return code(given, *keys) or "unknown"


def _claude(line: _Line) -> Made | None:
    given, agent = line.given, text(line.given, "agent_id")
    about = {"agent": text(given, "agent.name")}
    if line.event == "user_prompt":
        return line.run()
    if line.event in {"api_request", "api_error"}:
        cost = given.get("cost_usd")
        failed = line.event == "api_error"
        return line.made(
            CALL,
            text(given, "request_id"),
            *(line.time_ns,),
            error=_status(given, "status_code") if failed else None,
            agent_id=agent,
            model=text(given, "model"),
            provider="anthropic",
            response_id=text(given, "request_id"),
            cost=cost if isinstance(cost, (int, float)) else None,
            **({} if failed else fresh_tokens(given)),
            **about,
        )
    if line.event == "tool_result":
        return _tool(line, text(given, "tool_use_id"), failed=is_no(given, "success"), agent_id=agent)
    if line.event == "tool_decision" and text(given, "decision") == "accept":
        return _begun_tool(line, text(given, "tool_use_id"), agent_id=agent)
    if line.event == "subagent_completed" and agent is not None:
        return line.made(SUB, agent, agent_id=agent, agent=text(given, "agent_type"))
    return None


def _tool(
    line: _Line, call_id: str | None, *, failed: bool, agent_id: str | None = None, agent: str | None = None
) -> Made:
    name = text(line.given, "tool_name", "function_name")
    known_as = (call_id,) if call_id is not None else (line.time_ns, line.span_id)
    error = "tool_error" if failed else None
    return line.made(TOOL, *known_as, error=error, agent_id=agent_id, tool=name, call_id=call_id, agent=agent)


def _begun_tool(line: _Line, call_id: str | None, agent_id: str | None = None) -> Made | None:
    """A tool that was let run: it stands where nothing tells of its end, since the run was broken off."""
    if call_id is None:
        return None
    name = text(line.given, "tool_name", "function_name")
    made = line.made(TOOL, "begun", call_id, agent_id=agent_id, tool=name, call_id=call_id)
    return made.beside(marks=made.marks._replace(finish=BEGUN))


def _codex(line: _Line) -> Made | None:
    given = line.given
    if line.event == "user_prompt":
        return line.run(line.time_ns)
    if line.event == "tool_result":
        agent = text(given, "agent_name")
        agent = None if agent == "/root" else agent
        return _tool(line, text(given, "call_id"), failed=is_no(given, "success"), agent=agent)
    if line.event == "tool_decision" and (text(given, "decision") or "").startswith("approved"):
        return _begun_tool(line, text(given, "call_id"))
    return _codex_call(line)


def _codex_call(line: _Line) -> Made | None:
    """A request that was refused, an answer, or a stream that broke."""
    given, model = line.given, text(line.given, "model")
    if line.event == "api_request":
        status = count(given, "http.response.status_code")
        if status < _HTTP_ERROR and (status or "error.message" not in given):
            return None
        error = _status(given, "http.response.status_code")
        return line.made(CALL, line.time_ns, count(given, "attempt"), error=error, model=model)
    if line.event == "sse_event" and not given.keys().isdisjoint(_FAILED):
        return line.made(CALL, line.time_ns, "stream", error="provider_error", model=model)
    if line.event == "sse_event" and "input_token_count" in given:
        return line.made(
            CALL,
            model=model,
            input=count(given, "input_token_count"),
            output=count(given, "output_token_count"),
            cache_read=count(given, "cached_token_count"),
            cache_write=count(given, "cache_write_token_count"),
            reasoning=count(given, "reasoning_token_count"),
        )
    return None


def _gemini(line: _Line) -> Made | None:
    """Gemini CLI, and Qwen Code, which began as a copy of it."""
    given = line.given
    if line.event == "user_prompt":
        return line.run()
    if line.event == "tool_call":
        return _tool(line, text(given, "call_id"), failed=is_no(given, "success"))
    if line.event == "finish" and text(given, "agent_name"):  # gemini_cli.agent.finish
        return line.made(
            SUB, text(given, "agent_id"), agent_id=text(given, "agent_id"), agent=text(given, "agent_name")
        )
    if line.event == "subagent_execution" and text(given, "status") in {"completed", "failed", "cancelled"}:
        return line.made(SUB, agent=text(given, "subagent_name"))
    return _gemini_call(line)


def _gemini_call(line: _Line) -> Made | None:
    given = line.given
    if line.event == "api_response":
        thoughts = count(given, "thoughts_token_count")
        is_qwen = line.harness == marks_of.QWEN
        made = count(given, "output_token_count") + (0 if is_qwen else thoughts)
        return line.made(
            CALL,
            model=text(given, "model"),
            response_id=text(given, "response_id"),
            input=count(given, "input_token_count"),
            output=made,
            cache_read=count(given, "cached_content_token_count"),
            reasoning=thoughts,
            agent=text(given, "subagent_name"),
        )
    if line.event == "content_retry_failure":  # no try brought an answer; each was an api_response
        made = line.made(PART, line.time_ns)
        return made.beside(marks=made.marks._replace(finish="error"))
    if line.event == "api_error":
        kind = text(given, "error.type", "error_type") or "unknown"
        error = code(given, "status_code", "http.status_code") or kind
        return line.made(CALL, error=error, model=text(given, "model"), response_id=text(given, "response_id"))
    return None


_READERS: dict[str, Callable[[_Line], Made | None]] = {
    marks_of.CLAUDE: _claude,
    marks_of.CODEX: _codex,
    marks_of.GEMINI: _gemini,
    marks_of.QWEN: _gemini,
}
