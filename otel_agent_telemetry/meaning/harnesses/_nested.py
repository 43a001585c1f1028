"""Spans of opencode, docker-agent and Goose, whose subagents have sessions or agents of their own inside the run's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._made import read_as
from otel_agent_telemetry.meaning.harnesses._marks import CALL, RUN, SPAN, SUB, TOOL, Marks
from otel_agent_telemetry.meaning.harnesses._words import finish_of, text

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.meaning._said import Said

__all__ = ["of_docker", "of_goose", "of_opencode"]

_GOOSE_TOOL = re.compile(r'\{"tool":"([A-Za-z0-9_.-]{1,64})"')
_NO_END = frozenset({"other", "unknown"})
"""What Vercel's AI SDK gives for the reason where a stream ended without one."""


def of_opencode(record: SpanRecord, name: str) -> Said | None:
    given = record.attributes
    session = text(given, "session.id", "ai.telemetry.metadata.sessionId")
    marks = Marks(marks_of.OPENCODE, SPAN, CALL, session)
    if name == "SessionPrompt.prompt":
        operation = semconv.OPERATION_INVOKE_AGENT
        marks = marks._replace(part=RUN)
        return read_as(record, marks, operation=operation, agent=marks.harness)
    if name == "TaskTool.runTask":
        return read_as(record, marks._replace(part=SUB), operation=semconv.OPERATION_INVOKE_AGENT)
    if text(given, "ai.operationId"):
        finish = finish_of(given, "ai.response.finishReason", "gen_ai.response.finish_reasons")
        is_tool = given["ai.operationId"] == "ai.toolCall"
        broke = text(given, "ai.response.finishReason") in _NO_END and semconv.GEN_AI_USAGE_INPUT_TOKENS not in given
        return read_as(
            record._replace(is_error=record.is_error or broke),
            marks._replace(finish=finish, part=TOOL if is_tool else CALL),
            error="provider_error" if broke else None,
        )
    if text(given, "tool.name") and text(given, "tool.call_id"):
        return read_as(
            record,
            marks._replace(part=TOOL),
            operation=semconv.OPERATION_EXECUTE_TOOL,
            tool=given["tool.name"],
            call_id=given["tool.call_id"],
        )
    return None


def of_docker(record: SpanRecord, name: str) -> Said | None:
    given = record.attributes
    agent = text(given, "agent")
    marks = Marks(marks_of.DOCKER, SPAN, CALL, text(given, "session.id"))
    if name == "runtime.session":
        operation = semconv.OPERATION_INVOKE_AGENT
        return read_as(record, marks._replace(part=RUN), operation=operation, agent=agent)
    if name == "runtime.stream":
        finish = semconv.OUTCOME_OK if given.get("stopped") is True else "tool" if given.get("tool.calls") else None
        return read_as(
            record,
            marks._replace(finish=finish),
            operation=semconv.OPERATION_CHAT,
            agent=agent,
        )
    if name == "runtime.tool.call" and text(given, "tool.name"):
        return read_as(
            record,
            marks._replace(part=TOOL),
            operation=semconv.OPERATION_EXECUTE_TOOL,
            tool=given["tool.name"],
            call_id=text(given, "tool.call_id"),
        )
    return None


def of_goose(record: SpanRecord, name: str) -> Said | None:
    """What a span of Goose says; its tool's name stands in the text of the tool's arguments."""
    given = record.attributes
    marks = Marks(marks_of.GOOSE, SPAN, CALL, text(given, "session.id"))
    if name == "reply_stream":
        operation = semconv.OPERATION_INVOKE_AGENT
        return read_as(record, marks._replace(part=RUN), operation=operation, agent=marks.harness)
    if name == "stream_response_from_provider":
        return read_as(record, marks, operation=semconv.OPERATION_CHAT)
    if name == "dispatch_tool_call":
        told = _GOOSE_TOOL.match(text(given, "input") or "")
        tool = text(given, semconv.GEN_AI_TOOL_NAME) or (told and told[1])  # a Collector leaves the name alone of it
        return read_as(record, marks._replace(part=TOOL), operation=semconv.OPERATION_EXECUTE_TOOL, tool=tool)
    return None
