"""Spans of coding agents in the words of the conventions; None for the many that tell only how the program works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._said import Said
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._made import FOLLOW_UP, home, is_main, marked, read_as, run_of, trace_id_of
from otel_agent_telemetry.meaning.harnesses._marks import CALL, EXECUTION, PART, RUN, SPAN, SUB, TOOL, Marks
from otel_agent_telemetry.meaning.harnesses._nested import of_docker, of_goose, of_opencode
from otel_agent_telemetry.meaning.harnesses._words import code, finish_of, fresh_tokens, is_no, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.meaning.harnesses._made import Made

__all__ = ["home_of", "run_around", "said_of_span"]

_OPERATIONS = {
    "invoke_agent": semconv.OPERATION_INVOKE_AGENT,
    "agent_call": semconv.OPERATION_INVOKE_AGENT,
    "chat": semconv.OPERATION_CHAT,
    "llm_call": semconv.OPERATION_CHAT,
    "generate_content": semconv.OPERATION_CHAT,
    "execute_tool": semconv.OPERATION_EXECUTE_TOOL,
    "tool_call": semconv.OPERATION_EXECUTE_TOOL,
}
_PARTS = {
    semconv.OPERATION_INVOKE_AGENT: RUN,
    semconv.OPERATION_CHAT: CALL,
    semconv.OPERATION_EXECUTE_TOOL: TOOL,
}
_SUBAGENT = "agent."
_ENDED = {"completed": "ok", "failed": "error"}
_CODEX_TOOLS = "multi_agent_v1"


def said_of_span(record: SpanRecord, name: str, harness: str) -> Said | None:
    """What a span of a coding agent says, with its marks; None for one that stands for nothing.

    Of its name only those are known that a program gives each time; whatever else it is, it is not read.
    """
    return _READERS[harness](record, name)


def home_of(said: Said, process: str) -> int:
    """The id of the trace that a span belongs to: another than its own where a program gives each call one."""
    marks = said.marks
    if marks is None or marks.harness != marks_of.GEMINI or marks.session is None:
        return said.trace_id
    return trace_id_of(*home(marks.harness, marks.session, marks.prompt, process))


def run_around(said: Said, process: str) -> Made | None:
    """The run that a span of a program belongs to that has no span for it, or loses it as a rule."""
    marks = said.marks
    if marks is None or marks.session is None or marks.harness not in (marks_of.GEMINI, marks_of.OPENCODE):
        return None
    known_as = home(marks.harness, marks.session, marks.prompt, process)
    if marks.harness == marks_of.GEMINI:
        return run_of(marks, known_as, 0, said.start_ns) if is_main(marks.session, marks.prompt) else None
    return run_of(marks, (*known_as, said.trace_id), said.trace_id, said.start_ns) if marks.part != RUN else None


def _by_operation(record: SpanRecord, harness: str, session: str | None) -> tuple[str, Marks] | None:
    written = record.attributes.get(semconv.GEN_AI_OPERATION_NAME)
    operation = _OPERATIONS.get(written) if isinstance(written, str) else None
    return None if operation is None else (operation, Marks(harness, SPAN, _PARTS[operation], session))


def _claude(record: SpanRecord, name: str) -> Said | None:
    given = record.attributes
    what = text(given, "span.type") or name.removeprefix("claude_code.")
    marks = Marks(marks_of.CLAUDE, SPAN, CALL, text(given, "session.id"), agent=text(given, "agent_id"))
    if what == "interaction":
        operation = semconv.OPERATION_INVOKE_AGENT
        return read_as(record, marks._replace(part=RUN), operation=operation, agent=marks.harness)
    if what == "tool.execution":
        failed = record.is_error or is_no(given, "success")
        return marked(
            Said(record, kinds.OTHER), marks._replace(part=EXECUTION, finish="error" if failed else semconv.OUTCOME_OK)
        )
    if what == "tool":
        operation = semconv.OPERATION_EXECUTE_TOOL
        tool = text(given, semconv.GEN_AI_TOOL_NAME, "tool_name")
        call = text(given, semconv.GEN_AI_TOOL_CALL_ID, "tool_use_id")
        return read_as(
            record,
            marks._replace(part=TOOL),
            operation=operation,
            tool=tool,
            call_id=call,
        )
    if what != "llm_request":
        return None
    said = read_as(
        record._replace(is_error=record.is_error or is_no(given, "success")),
        marks._replace(finish=finish_of(given, "stop_reason", "gen_ai.response.finish_reasons")),
        operation=semconv.OPERATION_CHAT,
        model=text(given, semconv.GEN_AI_REQUEST_MODEL, "model"),
        response_id=text(given, semconv.GEN_AI_RESPONSE_ID, "request_id"),
        error=text(given, "error_class") or code(given, "status_code"),
        **_own_tokens(given),
    )
    query = text(given, "query_source_safe") or ""
    said.agent_name = query.rpartition(".")[2] if query.startswith(_SUBAGENT) else None
    return said


def _own_tokens(given: Mapping[str, object]) -> dict[str, object]:
    """Its own words for tokens, where it has no others."""
    return {} if semconv.GEN_AI_USAGE_INPUT_TOKENS in given or "input_tokens" not in given else fresh_tokens(given)


def _codex(record: SpanRecord, name: str) -> Said | None:
    given = record.attributes
    session = text(given, "conversation.id", "thread.id")
    marks = Marks(marks_of.CODEX, SPAN, CALL, session, text(given, "turn.id"), model=text(given, "model"))
    if "codex.tool.phase" in given and text(given, "call_id") and text(given, "tool_name"):
        tool = str(given["tool_name"]).removeprefix(_CODEX_TOOLS)
        said = read_as(
            record,
            marks._replace(part=TOOL),
            operation=semconv.OPERATION_EXECUTE_TOOL,
            tool=tool,
            call_id=text(given, "call_id"),
            outcome=semconv.OUTCOME_CANCELLED if given.get("aborted") is True else None,
        )
    elif semconv.GEN_AI_USAGE_INPUT_TOKENS in given:
        said = read_as(
            record,
            marks,
            operation=semconv.OPERATION_CHAT,
            reasoning=given.get("codex.usage.reasoning_output_tokens"),
        )
    elif name == "session_task.turn" and session is not None:
        finish = semconv.OUTCOME_OK if "codex.turn.token_usage.input_tokens" in given else None
        said = read_as(
            record,
            marks._replace(part=RUN, finish=finish),
            operation=semconv.OPERATION_INVOKE_AGENT,
            agent=marks.harness,
        )
    elif marks.model is not None and "turn_id" in given:
        said = marked(Said(record, kinds.OTHER), marks._replace(part=PART))
    else:
        said = None
    return said


def _gemini(record: SpanRecord, _: str) -> Said | None:
    given = record.attributes
    found = _by_operation(record, marks_of.GEMINI, text(given, semconv.GEN_AI_CONVERSATION_ID))
    if found is None:
        return None
    operation, marks = found
    marks = marks._replace(
        prompt=text(given, "gen_ai.prompt.name"), is_loose=True, part=SUB if marks.part == RUN else marks.part
    )
    call = text(given, semconv.GEN_AI_TOOL_CALL_ID, "gen_ai.tool.call_id")
    said = read_as(record, marks, operation=operation, call_id=call)
    if said.kind != kinds.AGENT and said.agent_name == marks.harness:
        said.agent_name = said.agent_id = None
    return said


def _qwen(record: SpanRecord, _: str) -> Said | None:
    given = record.attributes
    found = _by_operation(record, marks_of.QWEN, text(given, "session.id", semconv.GEN_AI_CONVERSATION_ID))
    if found is None:
        return None
    operation, marks = found
    ended = text(given, "qwen-code.turn_status", "qwen-code.subagent.status", "tool.failure_kind")
    ended = _ENDED.get(ended or "", ended)
    prompt = text(given, "qwen-code.prompt_id")
    follows = marks.part == RUN and given.get("qwen-code.message_type") == "notification"
    is_sub = marks.part == RUN and "qwen-code.subagent.status" in given
    is_astray = follows or (is_sub and not record.parent_id)
    marks = marks._replace(
        prompt=prompt.partition(FOLLOW_UP)[0] if prompt else None,
        finish=ended if ended in {"ok", "error", "cancelled"} else finish_of(given, "gen_ai.response.finish_reasons"),
        part=SUB if is_sub else marks.part,
        # by an agent that works when the prompt is over, or beside it
        is_loose=is_astray or text(given, "llm_request.context") == "standalone",
    )
    if follows:  # what the program asks for itself when a subagent beside the prompt has ended
        return marked(Said(record, kinds.OTHER), marks._replace(part=PART))
    return read_as(
        record._replace(is_error=record.is_error or is_no(given, "success")),
        marks,
        operation=operation,
        reasoning=given.get("thoughts_token_count"),
        error=code(given, "error_status_code") or text(given, "error.type", "error_type"),
        outcome=semconv.OUTCOME_CANCELLED if ended == "cancelled" else None,
        agent=text(given, semconv.GEN_AI_AGENT_NAME, "subagent_name"),
    )


def _copilot(record: SpanRecord, _: str) -> Said | None:
    given = record.attributes
    found = _by_operation(record, marks_of.COPILOT, text(given, semconv.GEN_AI_CONVERSATION_ID))
    if found is None:
        return None
    operation, marks = found
    agent = text(given, semconv.GEN_AI_AGENT_NAME)
    if marks.part == RUN:
        marks = marks._replace(part=RUN if agent is None else SUB)
    failed = marks.part == TOOL and given.get("process.exit.code", 0) != 0
    finish = finish_of(given, "gen_ai.response.finish_reasons")
    if finish == semconv.OUTCOME_ERROR and not record.is_error:
        finish = semconv.OUTCOME_CANCELLED  # that is all that it tells of an answer that was broken off
    return read_as(
        record._replace(is_error=record.is_error or failed),
        marks._replace(finish=finish),
        operation=operation,
        agent=agent or (marks.harness if marks.part == RUN else None),
        error="tool_error" if failed else None,
        outcome=finish if finish == semconv.OUTCOME_CANCELLED else None,
    )


_READERS: dict[str, Callable[[SpanRecord, str], Said | None]] = {
    marks_of.CLAUDE: _claude,
    marks_of.CODEX: _codex,
    marks_of.GEMINI: _gemini,
    marks_of.QWEN: _qwen,
    marks_of.COPILOT: _copilot,
    marks_of.OPENCODE: of_opencode,
    marks_of.DOCKER: of_docker,
    marks_of.GOOSE: of_goose,
}
