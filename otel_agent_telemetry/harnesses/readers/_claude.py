"""Claude Code's ``--output-format stream-json`` (2.1), and ``json``, which is its last line alone.

Input tokens are said with each message, output tokens and cost only as sums, by model, in the line ``result``: the
last call of each model carries what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry.harnesses._told import Usage
from otel_agent_telemetry.harnesses.readers._values import Table, error_of, money, number, table, tables, text

if TYPE_CHECKING:
    from collections.abc import Container

    from otel_agent_telemetry.harnesses._told import Told
    from otel_agent_telemetry.lifecycle import Handle

__all__ = ["ClaudeReader", "read_tools"]

_SYNTHETIC = "<synthetic>"
_CANCELLED = ("aborted_streaming", "aborted_tools")


class _Open(NamedTuple):
    """The last call of a model, whose output is not known for sure yet."""

    handle: Handle
    agent: str
    message_id: str
    usage: Usage


class ClaudeReader:
    """Reads what Claude Code prints."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._said: dict[str, int] = {}  # output tokens of ended calls, by model, since the last result
        self._subagents = False
        self._background: set[str] = set()  # calls of subagents that go on when their tool's call has its result

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line says."""
        kind = text(said, "type")
        session_id = text(said, "session_id")
        if session_id is not None and kind != "stream_event":
            version = text(said, "claude_code_version")
            told.session(session_id, model=text(said, "model"), version=version)
        if kind == "system":
            self._system(said, told)
        elif kind == "assistant":
            self._assistant(said, told)
        elif kind == "user":
            self._subagent_answer(said, told)
            read_tools(said, told, self._background)
        elif kind == "result":
            self._result(said, told)

    def _system(self, said: Table, told: Told) -> None:
        kind, call = text(said, "subtype"), text(said, "tool_use_id")
        if kind == "compact_boundary":
            about = table(said, "compact_metadata")
            told.compacted(text(about, "trigger"), number(about, "pre_tokens"))
        elif kind == "task_started" and call is not None and said.get("task_type") == "local_agent":
            told.agent(call, text(said, "subagent_type"), within=call)
            if said.get("is_backgrounded") is True:
                self._background.add(call)
        elif kind == "task_notification" and call in self._background:
            told.agent_ended(call, None if said.get("status") == "completed" else "cancelled")

    def _assistant(self, said: Table, told: Told) -> None:
        message, within = table(said, "message"), text(said, "parent_tool_use_id") or ""
        model, message_id = text(message, "model") or "", text(message, "id") or ""
        if model == _SYNTHETIC:
            if text(said, "error") is not None:
                told.failed_call(error_of(number(said, "api_error_status"), text(said, "error")))
            return
        if within:
            self._subagents = True
            told.agent(within, text(said, "subagent_type"), within=within)
        known = self._open.get(model)
        if known is None or known.message_id != message_id:
            self._close(model)
            call = told.call(model, agent=within, response_id=text(said, "request_id"))
            if call is not None:
                self._open[model] = _Open(call, within, message_id, _usage(table(message, "usage")))
        read_tools(said, told)

    def _subagent_answer(self, said: Table, told: Told) -> None:
        """A subagent's last call is often said with the result of its tool alone."""
        result = table(said, "tool_use_result")
        model = text(result, "resolvedModel")
        if model is None or not table(result, "usage"):
            return
        calls = [text(block, "tool_use_id") for block in tables(table(said, "message"), "content")]
        agent = next(filter(None, calls), "")
        usage, known = _usage(table(result, "usage")), self._open.get(model)
        if known is not None and known.agent == agent and known.usage[:1] == usage[:1]:
            self._close(model, usage)
            return
        told.whole_call(model, usage, agent=agent)
        self._said[model] = self._said.get(model, 0) + (usage.output or 0)

    def _close(self, model: str, rest: Usage | None = None) -> None:
        """The last call of a model is over; ``rest`` is what all calls of the model used beyond what was said."""
        known = self._open.pop(model, None)
        if known is None:
            return
        usage = known.usage
        if rest is not None:
            usage = usage._replace(output=rest.output, reasoning=rest.reasoning, cost_usd=rest.cost_usd)
        known.handle.record(**usage._asdict())
        known.handle.end()
        self._said[model] = self._said.get(model, 0) + (usage.output or 0)

    def _result(self, said: Table, told: Told) -> None:
        by_model = table(said, "model_usage_since_last_result")
        by_model = by_model if "model_usage_since_last_result" in said else table(said, "modelUsage")
        alone = number(table(said, "usage"), "output_tokens") if len(by_model) == 1 and not self._subagents else None
        unsaid = 0.0
        for model in by_model:
            figures = table(by_model, model)
            whole = alone if alone is not None else number(figures, "outputTokens")
            rest = Usage(
                output=None if whole is None else max(whole - self._said.get(model, 0), 0),
                reasoning=number(figures, "thinkingTokens") or None,
                cost_usd=money(figures, "costUSD"),
            )
            if model in self._open:
                self._close(model, rest)
            else:  # a try that was cut off, or no line for each message (json)
                unsaid += rest.cost_usd or 0.0
                if not self._said.get(model) and said.get("is_error") is False:
                    told.used(None, _summed(figures))
        for model in [*self._open]:
            self._close(model)
        if unsaid:
            told.used(None, Usage(cost_usd=unsaid))
        self._said, self._subagents = {}, False
        _ending(said, told)


def _ending(said: Table, told: Told) -> None:
    reason = text(said, "terminal_reason")
    if reason in _CANCELLED:
        told.ended("cancelled")
    elif said.get("is_error") is True:
        status = number(said, "api_error_status")
        told.ended("error", told.error if status is None else error_of(status))
    elif said.get("is_error") is False:
        told.ended("ok")


def read_tools(said: Table, told: Told, background: Container[str] = ()) -> None:
    """Tools that a message of the Messages API asks for, or whose results it has; with these ends their subagent."""
    within = text(said, "parent_tool_use_id") or ""
    for block in tables(table(said, "message"), "content"):
        kind = text(block, "type")
        if kind == "tool_use":
            told.tool(text(block, "id") or "", text(block, "name") or "unknown", agent=within)
        elif kind == "tool_result":
            call = text(block, "tool_use_id") or ""
            if call not in background:
                told.agent_ended(call)
            told.tool_ended(call, "tool_error" if block.get("is_error") is True else None)


def _usage(given: Table) -> Usage:
    """Anthropic's usage, whose input is without the cached tokens."""
    read, write = number(given, "cache_read_input_tokens"), number(given, "cache_creation_input_tokens")
    plain = number(given, "input_tokens")
    return Usage(
        input=None if plain is None else plain + (read or 0) + (write or 0),
        output=number(given, "output_tokens"),
        cache_read=read,
        cache_write=write,
    )


def _summed(figures: Table) -> Usage:
    read, write = number(figures, "cacheReadInputTokens"), number(figures, "cacheCreationInputTokens")
    plain = number(figures, "inputTokens")
    return Usage(
        input=None if plain is None else plain + (read or 0) + (write or 0),
        output=number(figures, "outputTokens"),
        cache_read=read,
        cache_write=write,
    )
