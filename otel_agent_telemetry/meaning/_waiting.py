"""The way of a call or a run up to its session: below open spans while it waits, then told with its session's id."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _facts as facts
from otel_agent_telemetry.meaning._branch import Branch, Totals
from otel_agent_telemetry.meaning._calls import Run
from otel_agent_telemetry.meaning._verdicts import as_noted

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._ancestry import Landing, Tree
    from otel_agent_telemetry.meaning._branch import Turn
    from otel_agent_telemetry.meaning._calls import ModelCall, ToolCall
    from otel_agent_telemetry.meaning._own import Own, OwnSession, OwnSpans
    from otel_agent_telemetry.meaning._records import Fact, Usage
    from otel_agent_telemetry.meaning._verdicts import Told

_MOST_HELD = 1_000
_MOST_TOOLS = 16  # of the tool calls below a span, the names that a tool call around them is compared with


class Waiting:
    """What ended below spans that are still open, by that span; ``out`` is what is told by now."""

    def __init__(self, tree: Tree, own: OwnSpans) -> None:
        self._tree = tree
        self._own = own
        self._below: dict[int, Branch] = {}
        self._new: deque[tuple[int, ModelCall | ToolCall]] = deque(maxlen=_MOST_HELD)
        self._new_turns: deque[tuple[int, Turn]] = deque(maxlen=_MOST_HELD)
        self._withdrawn: list[int] = []
        self.out: list[Told] = []

    def __bool__(self) -> bool:
        return bool(self._below)

    def take(self, key: int) -> Branch | None:
        """What waits below a span that ends now."""
        return self._below.pop(key, None) if self._below else None

    def put(self, branch: Branch, landing: Landing) -> None:
        """Send what ended below a span, which ended too, on its way."""
        if not landing.key or landing.key in self._own or landing.session_id is not None:
            self.settle(branch, self._own.get(landing.key), landing.session_id)
        elif (below := self._below.get(landing.key)) is None:
            self._below[landing.key] = branch
        else:
            below.merge(branch)
            self._limit(landing.key, below)

    def put_call(self, call: ModelCall | ToolCall, branch: Branch | None, landing: Landing) -> None:
        """Send a call on its way, with what ended below it."""
        key = landing.key
        if branch is not None:
            branch.add(call)
            self.put(branch, landing)
            self._new.append((key, call))
        elif not key or key in self._own or landing.session_id is not None:
            self._emit_call(call, self._own.get(key), landing.session_id)
        else:
            below = self.at(key)
            below.add(call)
            self._new.append((key, call))
            self._limit(key, below)

    def noted(self) -> list[Fact | Usage]:
        """The calls and runs that began to wait since the last time and still do, as they would be told now."""
        found: list[Fact | Usage] = []
        while self._new_turns:
            key, turn = self._new_turns.popleft()
            if not turn.is_told:
                turn.is_noted = True
                found += self._as_known(turn, self._own.around(key))
        while self._new:
            key, call = self._new.popleft()
            if not (call.is_told or call.is_noted):
                session = self._own.session_of(self._own.around(key), call.conversation)
                session_id = call.conversation if session is None else session.conversation
                found.append(as_noted(call, session_id, None if session is None else session.agent_name))
        return found

    def withdrawn(self) -> list[int]:
        """The runs that were noted, and that since the last time were told of or turned out to be part of another."""
        found, self._withdrawn = self._withdrawn, []
        return found

    def end(self, turn: Turn) -> None:
        """Nothing more is to be known of a run: it is told, or it is part of another one."""
        if turn.is_noted and not turn.is_told:
            self._withdrawn.append(turn.key)
        turn.is_told = True

    def claim(self, call: ModelCall | ToolCall, landing: Landing) -> None:
        """A call that counts was told of here too: the run or session around may be the one that it belongs to."""
        if not landing.key:
            return
        own = self._own.get(landing.key)
        if own is None:
            self.at(landing.key).shadows.append(call)
        else:
            self._own_up(call, self._own.session_of(own, call.conversation))

    def _own_up(self, call: ModelCall | ToolCall, session: OwnSession | None) -> None:
        if session is not None and call.is_alone:
            call.is_alone = False
            session.totals.count(call)

    def put_turn(self, turn: Turn, landing: Landing) -> None:
        """Send a run or workflow on its way."""
        key = landing.key
        if not key or key in self._own or landing.session_id is not None:
            self._settle_turn(turn, self._own.get(key), landing.session_id)
            return
        below = self.at(key)
        below.turns.append(turn)
        self._new_turns.append((key, turn))
        below.since_ns = below.since_ns or turn.end_ns
        self._limit(key, below)

    def at(self, key: int) -> Branch:
        """What waits below an open span."""
        branch = self._below.get(key)
        if branch is None:
            branch = self._below[key] = Branch()
        return branch

    def _limit(self, key: int, branch: Branch) -> None:
        if len(branch.tools) > _MOST_TOOLS:
            del branch.tools[:-_MOST_TOOLS]
        if len(branch.held) > _MOST_HELD:
            self._release(key, branch)
        if len(branch.turns) > _MOST_HELD:
            self._emit_early(key, branch.turns[0])
            del branch.turns[0]

    def _release(self, key: int, branch: Branch) -> None:
        """Let go of the calls that wait below an open span; what they add up to stays."""
        around = self._own.around(key)
        session = self._own.session_of(around, branch.conversation)
        for held, turn in [(branch.held, None), *((turn.held, turn) for turn in branch.turns)]:
            conversation = branch.conversation if turn is None else turn.conversation or branch.conversation
            session_id = session.conversation if session is not None else conversation
            agent_name = session.agent_name if session is not None else None
            self.out.extend(call.tell(session_id, agent_name) for call in held)
            held.clear()
        branch.since_ns = 0

    def _emit_early(self, key: int, turn: Turn) -> None:
        """Tell of a run although a span above it is still open; what that one turns out to be changes no total."""
        if not turn.is_emitted:
            self._settle_turn(turn, self._own.around(key))
            turn.is_emitted = True
            turn.totals = Totals()
            turn.facts = []

    # Where the session is known ---------------------------------------------------------------------------------------

    def settle(self, branch: Branch, around: Own | None, session_id: str | None = None) -> None:
        """Everything of a branch at once: its calls, then each run as it comes to its session."""
        for turn in branch.turns:
            if not turn.is_emitted:
                self._settle_turn(turn, around, session_id)
        session = self._own.session_of(around, branch.conversation)
        if session is not None:
            session.totals.add(branch.calls)
        for call in branch.shadows:
            self._own_up(call, session)
        for call in branch.held:
            self._tell(call, session, around, session_id)

    def _emit_call(self, call: ModelCall | ToolCall, around: Own | None, session_id: str | None) -> None:
        session = self._own.session_of(around, call.conversation)
        if session is not None:
            session.totals.count(call)
        else:
            call.is_alone = session_id is None
        self._tell(call, session, around, session_id)

    def _tell(
        self, call: ModelCall | ToolCall, session: OwnSession | None, around: Own | None, session_id: str | None
    ) -> None:
        agent_name: str | None = None
        if session is not None:
            session.touch(call.occurred_ns)
            session_id, agent_name = session.conversation, session.agent_name
        if around is not None:
            around.touch(call.occurred_ns)
            session_id = session_id or call.conversation or around.conversation
        self.out.append(call.tell(session_id or call.conversation, agent_name))

    def _settle_turn(self, turn: Turn, around: Own | None, session_id: str | None = None) -> None:
        """A run or workflow with nothing of its kind above it: part of a session of ours, else a session by itself."""
        self.end(turn)
        session = self._own.session_of(around, turn.conversation)
        if around is not None:
            around.touch(turn.end_ns)
            around.learn(turn.agent_id or turn.agent_name)
        if session is not None:
            session.touch(turn.end_ns)
            session.totals.add(turn.totals)
            self._tell_turn(turn, session.conversation, session.agent_name)
        elif session_id is not None or (turn.sessions and turn.totals.is_empty):
            self._tell_turn(turn, session_id, None)
        else:
            self._be_session(turn, around)

    def _as_known(self, turn: Turn, around: Own | None) -> list[Fact | Usage]:
        """What would be told of a run now, and of its calls, if nothing above it ended; nothing changes by that."""
        session = self._own.session_of(around, turn.conversation)
        began: list[Fact] = []
        ended: list[Fact] = []
        session_id, agent_name = None, turn.agent_name
        if session is not None:
            session_id, agent_name = session.conversation, session.agent_name
        elif not (turn.sessions and turn.totals.is_empty):
            began, ended = _session(turn, copy(turn.totals), around)
            session_id = _session_id(turn, around)
        waiting = [call for call in turn.held if not (isinstance(call, Run) or call.is_told or call.is_noted)]
        calls = [as_noted(call, session_id or call.conversation, agent_name) for call in waiting]
        return [*(fact._replace(key=turn.key) for fact in (*began, *turn.facts, *ended)), *calls]

    def _tell_turn(self, turn: Turn, session_id: str | None, agent_name: str | None) -> None:
        self.out.extend(turn.facts)
        self.out.extend(call.tell(session_id or call.conversation, agent_name) for call in turn.held)
        turn.held.clear()
        self._tree.settle(turn.key, session_id)

    def _be_session(self, turn: Turn, around: Own | None) -> None:
        began, ended = _session(turn, turn.totals, around)
        self.out.extend(began)
        self._tell_turn(turn, _session_id(turn, around), turn.agent_name)
        self.out.extend(ended)

    def expire(self, now_ns: int, hold_ns: int, settle_ns: int) -> None:
        """Tell what has waited too long by that time."""
        for key, branch in list(self._below.items()):
            if not self._tree.is_open(key):  # it was one of more open spans than are kept
                self.settle(self._below.pop(key), None)
                continue
            for turn in branch.turns:
                if not turn.is_emitted and turn.end_ns + settle_ns <= now_ns:
                    self._emit_early(key, turn)
            if branch.since_ns and branch.since_ns + hold_ns <= now_ns:
                self._release(key, branch)

    def release(self) -> None:
        """Tell of every call that waits, with what is known of its session so far."""
        for key, branch in self._below.items():
            self._release(key, branch)

    def close(self) -> None:
        """Tell everything: the spans above will not end."""
        for key in reversed(list(self._below)):
            self.settle(self._below.pop(key), self._own.around(key))


def _session_id(turn: Turn, around: Own | None) -> str:
    known = turn.conversation or (around.conversation if around is not None else None)
    return known or f"{turn.trace_id:032x}"


def _session(turn: Turn, totals: Totals, around: Own | None) -> tuple[list[Fact], list[Fact]]:
    """How a run that is a session by itself begins, and how it ends with these totals."""
    task = None if around is None else around.task
    about = {
        "agentId": turn.agent_id or turn.agent_name,
        "harnessProvider": turn.harness,
        "model": None,
        "taskId": None if task is None else task.said.attributes.get(semconv.AGENT_TASK_ID),
        "sessionId": _session_id(turn, around),
        "agentName": turn.agent_name,
    }
    began = [facts.fact("session.started", turn.start_ns, about, turn.key)]
    if turn.task is not None and task is None:
        totals.tasks += 1
        began += facts.prompt(turn)
    ended = facts.Ended(turn.key, totals, turn.start_ns, turn.end_ns, turn.error)
    over = [*facts.session_ended(about, ended)]
    if task is not None:
        over.append(facts.task_session(about, ended, task.agent))
    return began, over
