"""What a coding agent printed about itself, as spans of the process that started it.

Each span says that its figures were read from the output, so that whoever also has the coding agent's own telemetry of
the same session (``gen_ai.conversation.id``) counts one of the two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_agent_telemetry import semconv as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.harnesses._known import Known
    from otel_agent_telemetry.lifecycle import Handle, Lifecycle

__all__ = ["Told", "Usage"]

MOST_OPEN = 1024
"""Tools and agents that began and did not end; more of them are let go of."""


class Usage(NamedTuple):
    """Tokens of a model call, or of several: ``input`` includes cached ones, ``output`` reasoning; cost in USD."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    cost_usd: float | None = None


class Told:
    """Spans of one run, made while it prints; ``begin`` starts the session's span where the run itself belongs."""

    def __init__(self, lifecycle: Lifecycle, known: Known, begin: Callable[[Handle], Handle], began_ns: int) -> None:
        self._lifecycle = lifecycle
        self._known = known
        self._begin = begin
        self._began_ns = self._last_ns = began_ns
        self._session: Handle | None = None
        self._agents: dict[str, Handle] = {}
        self._tools: dict[str, Handle] = {}
        self._model: str | None = None
        self._unnamed = Usage()
        self.resumes = False
        """Whether the command line goes on with a session that is there."""
        self.error: str | None = None
        self.ending: str | None = None

    @property
    def session_handle(self) -> Handle | None:
        """The session's handle, once the output named it."""
        return self._session

    def session(self, session_id: str, *, model: str | None = None, version: str | None = None) -> None:
        """It says which session it is; the first one of a run counts."""
        self._model = model or self._model
        if self._session is not None:
            return
        provider = self._known.name
        self._session = self._begin(
            self._lifecycle.session(id=session_id, agent=self._known.agent, harness_provider=provider, model=model)
        )
        self._mark(self._session)
        if version:
            self._session.set(harness_version=version)
        self.agent("", self._known.agent, at=self._began_ns)

    def model(self, model: str) -> None:
        """It says which model it uses."""
        self._model = model
        if self._session is not None:
            self._session.set(model=model)

    def agent(self, key: str, name: str | None, *, within: str | None = None, at: int | None = None) -> None:
        """An agent begins: the main one, with an empty key, or a subagent within that tool call."""
        if key in self._agents or self._session is None or len(self._agents) >= MOST_OPEN:
            return
        parent = self._tools.get(within or "") or self._agents.get("") or self._session
        handle = self._lifecycle.agent(name).start(parent=parent, make_current=False, at=at)
        self._agents[key] = self._mark(handle)

    def agent_ended(self, key: str, error: str | None = None) -> None:
        """A subagent has ended."""
        agent = self._agents.pop(key, None) if key else None
        if agent is not None:
            agent.end(error)

    def tool(self, call_id: str, name: str, *, agent: str = "") -> None:
        """A tool begins; the same call again changes nothing."""
        if call_id in self._tools or self._session is None or len(self._tools) >= MOST_OPEN:
            return
        handle = self._lifecycle.tool(name, call_id=call_id)
        self._tools[call_id] = self._mark(handle.start(parent=self._at(agent), make_current=False))

    def tool_ended(self, call_id: str, error: str | None = None) -> None:
        """A tool has ended."""
        tool = self._tools.pop(call_id, None)
        if tool is not None:
            tool.end(error)
        self._last_ns = time.time_ns()

    def call(self, model: str | None, *, agent: str = "", response_id: str | None = None) -> Handle | None:
        """A model call that is over: what is left is to say what it used, with :meth:`used`, and to end it."""
        if self._session is None:
            return None
        began, self._last_ns = self._last_ns, time.time_ns()
        call = self._lifecycle.model_call(model or self._model)
        call.start(parent=self._at(agent), make_current=False, at=began)
        if response_id:
            call.record(response_id=response_id)
        return self._mark(call)

    def whole_call(self, model: str | None, usage: Usage, *, agent: str = "", response_id: str | None = None) -> None:
        """A model call that is over and whose usage is known."""
        call = self.call(model, agent=agent, response_id=response_id)
        if call is not None:
            self.used(call, usage)
            call.end()

    def failed_call(self, error: str) -> None:
        """A model call that failed for good."""
        self.error = error
        call = self.call(None)
        if call is not None:
            call.end(error)

    def used(self, handle: Handle | None, usage: Usage) -> None:
        """What a call used, or an agent in calls that the output does not name one by one (None: the main agent)."""
        if handle is not None:
            handle.record(**usage._asdict())
        elif (agent := self._agents.get("")) is not None:
            self._unnamed = Usage(*map(_sum, self._unnamed, usage))
            agent.record(**self._unnamed._asdict())

    def compacted(self, trigger: str | None, tokens: int | None) -> None:
        """The context was compacted, ``auto`` or ``manual``."""
        if self._session is not None:
            self._lifecycle.track("compaction.triggered", compactTrigger=trigger, preCompactTokens=tokens)

    def ended(self, outcome: str, error: str | None = None) -> None:
        """It says how it ended: ``ok``, ``error``, ``cancelled``; the last word counts."""
        self.ending, self.error = outcome, error or (None if outcome == names.OUTCOME_OK else self.error)

    def close(self, outcome: str, error: str | None, exit_code: int) -> None:
        """The program is gone: end whatever is open, the inmost first."""
        self._session, session = None, self._session
        left = None if outcome == names.OUTCOME_OK else error
        for tool in self._tools.values():
            tool.end(None, outcome=names.OUTCOME_CANCELLED if outcome == names.OUTCOME_CANCELLED else None)
        for agent in reversed(self._agents.values()):
            agent.end(left, outcome=outcome)
        self._tools, self._agents = {}, {}
        if session is not None:
            session.set(exit_code=exit_code)
            session.end(left, outcome=outcome)

    def _at(self, agent: str) -> Handle | None:
        return self._agents.get(agent) or self._agents.get("") or self._session

    def _mark(self, handle: Handle) -> Handle:
        handle.set(read_from="stdout")
        return handle


def _sum(one: Any, two: Any) -> Any:
    return two if one is None else one if two is None else one + two
