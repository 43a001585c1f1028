"""What the messages of one Claude Code CLI stand for: a session, its turns and subagents, their tools and model calls.

The CLI does not say when it calls a model: that is as a turn or a subagent begins, when the last of an agent's tools is
done, and after a failure that it gets over.
"""

from __future__ import annotations

import contextvars
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation.agents._claude_messages import (
    CANCELLED,
    Account,
    Ending,
    blocks,
    ending_of,
    input_of,
    is_same,
    stopped_tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_instrumentation.agents._claude_messages import Message

__all__ = ["Conversation", "Tool"]

_HARNESS = "claude"
_PROVIDER = "anthropic"
_OK = Ending()
_SUBAGENTS = {"completed": _OK, "failed": Ending("_OTHER")}


class _Run:
    """A run of an agent: a turn of the main one, or a subagent's life; ``is_task`` where a message tells its end.

    Its model was called at ``asked_at``, which is None where it is not waited for. A call is told of once it is
    answered, and stays open until more happens, as the usage of a turn is told last.
    """

    def __init__(self, name: str | None, model: str | None, around: Any, *, is_main: bool, is_task: bool) -> None:
        self._is_main = is_main
        self.is_task = is_task
        self.agent: Any = telemetry.agent(name).start(parent=around, make_current=False)
        self.tools: set[str] = set()
        self._model = model
        self._call: Any = None
        self._answer: str | None = None
        self._answered_at = 0
        self._told: Counter[str] = Counter()
        self.asked_at: int | None = time.time_ns()

    def answer(self, message: Message) -> Counter[str]:
        """A part of an answer arrived; what it tells of its usage, where it is the first."""
        is_first = message["id"] != self._answer
        if is_first:
            self._model, self._answer, self._told = message.get("model"), message["id"], input_of(message)
            self._begin_call()
            self._record(self._told, response_model=self._model, response_id=self._answer)
        self._answered_at = time.time_ns()
        return self._told if is_first else Counter()

    def owe(self, model: str, numbers: Counter[str], *, is_only: bool) -> None:
        """The turn used more of a model than its answers told; where that is the only one, under whatever name."""
        if self._call is not None and (is_only or is_same(model, str(self._model))):
            self._record(self._told + numbers)
            return
        more: Any = telemetry.model_call(model, provider=_PROVIDER).start(parent=self.agent, make_current=False)
        more.record(**numbers, response_model=model)
        more.end()

    def fail_call(self, error: BaseException | str | None, outcome: str | None = None) -> None:
        """The call that is waited for has no answer."""
        if self.asked_at is not None:
            self._begin_call()
            self._end_call(error, outcome, time.time_ns())

    def end(self, ending: Ending) -> None:
        """It ended, and where it was waiting, so did the call of its model."""
        is_broken = isinstance(ending.error, BaseException)
        if is_broken or ending == CANCELLED:
            self.fail_call(*ending)
        elif ending == _OK and not self._is_main:
            self.fail_call(None)  # the last text of a subagent is not shown
        self._end_call()
        self.agent.end(ending.error, outcome=ending.outcome)

    def _begin_call(self) -> None:
        self._end_call()
        call = telemetry.model_call(self._model, provider=_PROVIDER)
        began = self.asked_at or self._answered_at or None
        self._call = call.start(parent=self.agent, make_current=False, at=began)
        self.asked_at = None

    def _end_call(
        self, error: BaseException | str | None = None, outcome: str | None = None, at: int | None = None
    ) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.end(error, outcome=outcome, at=at or self._answered_at)

    def _record(self, numbers: Counter[str], **about: str | None) -> None:
        self._call.record(**numbers, **about)


class Tool(NamedTuple):
    """An open tool call: whose it is, and the trace context for what happens inside."""

    run: _Run
    handle: Any
    traceparent: str | None


class Conversation:
    """What the messages of one CLI process say; runs are kept by the tool call that started them, None for a turn."""

    def __init__(self, name: str | None, tools: dict[str, Tool]) -> None:
        self._name = name
        self._tools = tools
        self._session: Any = None
        self._model: str | None = None
        self._runs: dict[str | None, _Run] = {}
        self._account = Account()
        self._last = _OK
        self._seen: dict[str, Callable[[Message], None]] = {
            "assistant": self._assistant,
            "error": self._error,
            "result": self._result,
            "system": self._system,
            "user": self._user,
        }

    @quiet
    def see(self, message: Message) -> None:
        """Take in one message."""
        seen = self._seen.get(message.get("type", ""))
        if seen is not None:
            seen(message)

    @quiet
    def end(self, error: BaseException | None) -> None:
        """End what is open, the session last: as its last turn ended."""
        ending = CANCELLED if error is None else Ending(error)
        if None in self._runs or (error is not None and self._last == _OK):
            self._last = ending
        for started_by in reversed(list(self._runs)):
            self._end_run(started_by, ending)
        session, self._session = self._session, None
        if session is not None:
            session.end(self._last.error, outcome=self._last.outcome)

    # Messages ---------------------------------------------------------------------------------------------------------

    def _error(self, message: Message) -> None:
        self.end(message.get("exception"))

    def _system(self, message: Message) -> None:
        subtype, tool_id = message.get("subtype"), message.get("tool_use_id")
        if subtype == "init":  # once a turn
            self._begin_turn(message)
        elif subtype == "api_retry":
            run = self._runs.get(None)
            if run is not None and run.asked_at is not None:
                run.fail_call(_failure(message))
                run.asked_at = time.time_ns()
        elif subtype == "task_started" and message.get("task_type") == "local_agent":
            self._run(tool_id, message.get("subagent_type"), is_task=True)
        elif subtype == "task_notification":
            self._end_run(tool_id, _SUBAGENTS.get(str(message.get("status")), CANCELLED))
        elif subtype == "compact_boundary":
            about: Message = message.get("compact_metadata") or {}
            properties = {"compactTrigger": about.get("trigger"), "preCompactTokens": about.get("pre_tokens")}
            telemetry.track("compaction.triggered", **properties)

    def _begin_turn(self, message: Message) -> None:
        self._model = message.get("model")
        session_id = message.get("session_id")
        if self._session is None or self._session.id != session_id:
            self.end(None)
            self._last = _OK
            self._session = telemetry.session(
                agent=self._name, id=session_id, harness_provider=_HARNESS, model=self._model
            ).start()
            self._session.set(harness_version=str(message.get("claude_code_version")))
        self._run(None)

    def _assistant(self, message: Message) -> None:
        run = self._run(message.get("parent_tool_use_id"), message.get("subagent_type"))
        answer: Message = message["message"]
        if message.get("error"):  # the CLI speaks in the model's place
            run.fail_call(_failure(message))
            return
        self._account.tell(str(answer.get("model")), run.answer(answer))
        for block in blocks(answer, "tool_use"):
            self._tools[block["id"]] = _begin_tool(run, block)
            run.tools.add(block["id"])

    def _user(self, message: Message) -> None:
        stopped = stopped_tools(message)
        for block in blocks(message["message"], "tool_result"):
            tool_id = block["tool_use_id"]
            self._end_tool(tool_id, is_stopped=tool_id in stopped, is_error=block.get("is_error"))

    def _end_tool(self, tool_id: str, *, is_stopped: bool, is_error: bool | None) -> None:
        tool = self._tools.pop(tool_id, None)
        if tool is None:
            return
        if tool_id in self._runs and not self._runs[tool_id].is_task:
            self._end_run(tool_id, _OK)
        tool.handle.end("tool_error" if is_error else None, outcome="cancelled" if is_stopped else None)
        tool.run.tools.discard(tool_id)
        if not tool.run.tools and not is_stopped:
            tool.run.asked_at = time.time_ns()

    def _result(self, message: Message) -> None:
        self._last = ending_of(message)
        run = self._runs.get(None)
        if run is not None:
            owed = self._account.owed(message)
            for model, numbers in owed.items():
                run.owe(model, numbers, is_only=len(owed) == 1)
            self._end_run(None, self._last)

    # Runs -------------------------------------------------------------------------------------------------------------

    def _run(self, started_by: str | None, name: str | None = None, *, is_task: bool = False) -> _Run:
        if started_by not in self._runs:
            tool = self._tools.get(started_by or "")
            around = self._session if tool is None else tool.handle
            is_main = started_by is None
            name, model = (self._name, self._model) if is_main else (name, None)
            self._runs[started_by] = _Run(name, model, around, is_main=is_main, is_task=is_task)
        return self._runs[started_by]

    def _end_run(self, started_by: str | None, ending: Ending) -> None:
        run = self._runs.pop(started_by, None)
        if run is not None:
            for tool_id in run.tools:
                self._tools.pop(tool_id).handle.end(outcome="cancelled")
            run.end(ending)


def _failure(message: Message) -> str:
    status = message.get("api_error_status") or message.get("error_status")
    return str(status or message.get("error"))


def _begin_tool(run: _Run, block: Message) -> Tool:
    def begin() -> Tool:
        handle: Any = telemetry.tool(block["name"], call_id=block["id"]).start(parent=run.agent)
        return Tool(run, handle, telemetry.child_environment({}).get("TRACEPARENT"))

    return contextvars.copy_context().run(begin)  # so that nothing stays current here
