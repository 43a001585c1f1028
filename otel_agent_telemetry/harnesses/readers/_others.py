"""What Codex (0.171), Gemini CLI (0.61), Qwen Code (0.24), opencode (1.18), pi (1.6) and docker-agent print."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otel_agent_telemetry.harnesses._told import Usage
from otel_agent_telemetry.harnesses.readers._claude import read_tools
from otel_agent_telemetry.harnesses.readers._sums import Sums, added, beyond
from otel_agent_telemetry.harnesses.readers._values import Table, error_of, money, number, table, text

if TYPE_CHECKING:
    from otel_agent_telemetry.harnesses._told import Told
    from otel_agent_telemetry.lifecycle import Handle

__all__ = ["CodexReader", "DockerAgentReader", "GeminiReader", "OpencodeReader", "PiReader", "QwenReader"]

_NOTHING = Usage(0, 0, 0, 0, 0, 0)
_CODEX_TOOLS = {"command_execution": "exec_command", "file_change": "apply_patch", "web_search": "web_search"}


class CodexReader:
    """``codex exec --json``: tokens are said once a turn, as the sum of all calls of the session so far."""

    _sums: ClassVar[Sums] = Sums()

    def __init__(self) -> None:
        self._thread = ""
        self._is_new = True

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind = text(said, "type")
        if kind == "thread.started" and (thread := text(said, "thread_id")) is not None:
            self._thread = thread
            told.session(thread)
        elif kind in {"item.started", "item.completed"}:
            self._item(table(said, "item"), told, is_over=kind == "item.completed")
        elif kind == "turn.completed":
            self._sums.used(self._thread, _codex_usage(table(said, "usage")), told, is_first=self._is_new)
            self._is_new = False
            told.ended("ok")
        elif kind == "turn.failed":
            told.failed_call(error_of(None))
            told.ended("error", error_of(None))

    def _item(self, item: Table, told: Told, *, is_over: bool) -> None:
        kind, call = text(item, "type"), text(item, "id") or ""
        name = _CODEX_TOOLS.get(kind or "")
        if kind == "mcp_tool_call":
            name = f"mcp__{text(item, 'server')}__{text(item, 'tool')}"
        elif kind == "collab_tool_call":
            name = text(item, "tool")
        if name is None:
            return
        told.tool(call, name)
        if is_over:
            told.tool_ended(call, "tool_error" if text(item, "status") == "failed" else None)


def _codex_usage(used: Table) -> Usage:
    return Usage(
        input=number(used, "input_tokens"),
        output=number(used, "output_tokens"),
        cache_read=number(used, "cached_input_tokens"),
        cache_write=number(used, "cache_write_input_tokens"),
        reasoning=number(used, "reasoning_output_tokens"),
    )


class GeminiReader:
    """``gemini -o stream-json``: tokens are said once, by model, for all calls."""

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind, call = text(said, "type"), text(said, "tool_id") or ""
        if kind == "init" and (session_id := text(said, "session_id")) is not None:
            told.session(session_id, model=text(said, "model"))
        elif kind == "tool_use":
            told.tool(call, text(said, "tool_name") or "unknown")
        elif kind == "tool_result":
            told.tool_ended(call, "tool_error" if text(said, "status") == "error" else None)
        elif kind == "result":
            self._result(said, told)

    def _result(self, said: Table, told: Told) -> None:
        stats = table(said, "stats")
        whole, given = number(stats, "total_tokens"), number(stats, "input_tokens")
        answer = number(stats, "output_tokens")
        output = answer if whole is None or given is None else max(whole - given, 0)  # with the thoughts
        thoughts = None if output is None or answer is None else max(output - answer, 0)
        told.used(None, Usage(input=given, output=output, cache_read=number(stats, "cached"), reasoning=thoughts))
        status = text(said, "status")
        if status == "success":
            told.ended("ok")
        elif status == "error":
            told.ended("error", error_of(None))


class QwenReader:
    """``qwen -o stream-json``: the form of Claude Code, with the usage of each call as the provider says it.

    A subagent's calls have none; what they used is what the sum at the end holds beyond the other calls.
    """

    def __init__(self) -> None:
        self._told = _NOTHING
        self._bare: Handle | None = None

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind = text(said, "type")
        if kind == "system" and (session_id := text(said, "session_id")) is not None:
            told.session(session_id, model=text(said, "model"), version=text(said, "qwen_code_version"))
        elif kind == "assistant":
            self._assistant(said, told)
        elif kind == "user":
            read_tools(said, told)
        elif kind == "result":
            is_error = said.get("is_error") is True
            self._rest(_qwen_usage(table(said, "usage")), told)
            told.ended("error" if is_error else "ok", error_of(None) if is_error else None)

    def _rest(self, whole: Usage, told: Told) -> None:
        rest = Usage(*map(beyond, whole, self._told))
        if self._bare is not None:
            told.used(self._bare, rest)
            self._bare.end()
            self._bare = None

    def _assistant(self, said: Table, told: Told) -> None:
        message, within = table(said, "message"), text(said, "parent_tool_use_id") or ""
        if within:
            told.agent(within, text(said, "subagent_type"), within=within)
        usage = _qwen_usage(table(message, "usage"))
        if within and not usage.input:
            bare, self._bare = self._bare, told.call(text(message, "model"), agent=within)
            if bare is not None:
                bare.end()
        else:
            self._told = Usage(*map(added, self._told, usage))
            told.whole_call(text(message, "model"), usage, agent=within)
        read_tools(said, told)


def _qwen_usage(used: Table) -> Usage:
    return Usage(
        input=number(used, "input_tokens"),
        output=number(used, "output_tokens"),
        cache_read=number(used, "cache_read_input_tokens"),
    )


class OpencodeReader:
    """``opencode run --format json``: a line for each step; a tool's line comes when it has ended."""

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind, part = text(said, "type"), table(said, "part")
        if (session_id := text(said, "sessionID")) is not None:
            told.session(session_id)
        if kind == "tool_use":
            self._tool(part, told)
        elif kind == "step_finish":
            told.whole_call(None, _opencode_usage(part))
            told.ended("ok")
        elif kind == "error":
            error = error_of(number(table(table(said, "error"), "data"), "statusCode"))
            told.failed_call(error)
            told.ended("error", error)

    @staticmethod
    def _tool(part: Table, told: Told) -> None:
        call, state = text(part, "callID") or "", table(part, "state")
        failed = text(state, "status") == "error" or bool(number(table(state, "metadata"), "exit"))
        told.tool(call, text(part, "tool") or "unknown")
        told.tool_ended(call, "tool_error" if failed else None)


def _opencode_usage(part: Table) -> Usage:
    tokens, cost = table(part, "tokens"), money(part, "cost")
    cache = table(tokens, "cache")
    read, write, reasoning = number(cache, "read"), number(cache, "write"), number(tokens, "reasoning")
    plain, answer = number(tokens, "input"), number(tokens, "output")
    return Usage(
        input=None if plain is None else plain + (read or 0) + (write or 0),
        output=None if answer is None else answer + (reasoning or 0),
        cache_read=read,
        cache_write=write,
        reasoning=reasoning,
        cost_usd=cost or None,  # 0 stands for a model whose price it does not know
    )


class PiReader:
    """``pi --mode json``."""

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind, call = text(said, "type"), text(said, "toolCallId") or ""
        message = table(said, "message")
        if kind == "session" and (session_id := text(said, "id")) is not None:
            told.session(session_id)
        elif kind == "message_end" and text(message, "role") == "assistant":
            self._answer(message, told)
        elif kind == "tool_execution_start":
            told.tool(call, text(said, "toolName") or "unknown")
        elif kind == "tool_execution_end":
            told.tool_ended(call, "tool_error" if said.get("isError") is True else None)
        elif kind == "compaction_start":
            told.compacted(None, None)

    @staticmethod
    def _answer(message: Table, told: Told) -> None:
        used, reason = table(message, "usage"), text(message, "stopReason")
        if reason in {"error", "aborted"}:
            told.ended("cancelled" if reason == "aborted" else "error", error_of(None))
            if reason == "error":
                told.failed_call(error_of(None))
            return
        if (model := text(message, "model")) is not None:
            told.model(model)
        read, write = number(used, "cacheRead"), number(used, "cacheWrite")
        plain = number(used, "input")
        usage = Usage(
            input=None if plain is None else plain + (read or 0) + (write or 0),
            output=number(used, "output"),
            cache_read=read,
            cache_write=write,
            reasoning=number(used, "reasoning"),
            cost_usd=money(table(used, "cost"), "total") or None,
        )
        told.whole_call(model, usage, response_id=text(message, "responseId"))
        told.ended("ok")


class DockerAgentReader:
    """``docker-agent run --exec --json``: an agent that work is handed to has a stream of its own."""

    def __init__(self) -> None:
        self._call = ""
        self._main: str | None = None

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind, session_id = text(said, "type"), text(said, "session_id")
        call = text(table(said, "tool_call"), "id") or ""
        agent = "" if self._main in {None, session_id} else session_id or ""
        if kind == "stream_started" and session_id is not None:
            self._started(said, told, session_id)
        elif kind == "stream_stopped" and agent:
            told.agent_ended(agent)
        elif kind == "token_usage":
            self._used(table(table(said, "usage"), "last_message"), told, agent)
        elif kind == "tool_call":
            self._call = call
            told.tool(call, text(table(table(said, "tool_call"), "function"), "name") or "unknown")
        elif kind == "tool_call_response":
            told.tool_ended(call, "tool_error" if table(said, "result").get("isError") is True else None)
        elif kind == "agent_info" and self._main is None and (model := text(said, "model")) is not None:
            told.model(model.rpartition("/")[2])
        elif kind == "error":
            told.failed_call(error_of(None))

    def _started(self, said: Table, told: Told, session_id: str) -> None:
        if self._main is None:
            self._main = session_id
            told.session(session_id)
        elif session_id != self._main:
            told.agent(session_id, text(said, "agent_name"), within=self._call)

    @staticmethod
    def _used(used: Table, told: Told, agent: str) -> None:
        read, write = number(used, "cached_input_tokens"), number(used, "cached_write_tokens")
        plain = number(used, "input_tokens")
        usage = Usage(
            input=None if plain is None else plain + (read or 0) + (write or 0),
            output=number(used, "output_tokens"),
            cache_read=read,
            cache_write=write,
            reasoning=number(used, "reasoning_tokens"),
            cost_usd=money(used, "Cost") or None,
        )
        model = text(used, "Model")
        told.whole_call(None if model is None else model.rpartition("/")[2], usage, agent=agent)
