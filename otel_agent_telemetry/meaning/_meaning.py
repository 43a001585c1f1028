"""Spans in, verdicts out: what each span means, and whether it counts."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _facts as facts
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._ancestry import Tree
from otel_agent_telemetry.meaning._branch import Branch, price
from otel_agent_telemetry.meaning._calls import ModelCall, Repeat, ToolCall
from otel_agent_telemetry.meaning._outcomes import UNKNOWN, category
from otel_agent_telemetry.meaning._own import OwnSession, OwnSpans
from otel_agent_telemetry.meaning._said import read
from otel_agent_telemetry.meaning._turns import turn_of
from otel_agent_telemetry.meaning._twins import Twins, model_calls_alike, tool_calls_alike
from otel_agent_telemetry.meaning._verdicts import as_events
from otel_agent_telemetry.meaning._waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.meaning._own import Own
    from otel_agent_telemetry.meaning._records import Fact, SpanRecord, Usage
    from otel_agent_telemetry.meaning._said import Said
    from otel_agent_telemetry.meaning._verdicts import Told

_NS = 1_000_000_000
_MOST_OWN = 16_384

_ADDED_UP = frozenset({kinds.SESSION, kinds.AGENT, kinds.WORKFLOW})
_METERED = frozenset({kinds.MODEL, kinds.EMBEDDING, kinds.USAGE})
_BOUNDARIES = frozenset({kinds.SESSION, kinds.TASK, kinds.COMMAND})


class Meaning:
    """Turns the spans of one process, or of one file, into facts and counted calls.

    A foreign agent run or workflow with no other around it, and no session of ours, is a session by itself: its id is
    the conversation's, else the trace's, so that several turns of one conversation are sessions of one id.

    Times come from the records, never from a clock. A call waits below its open ancestors until its session is known,
    at most ``hold_seconds``; a run whose ancestors stay open for ``settle_seconds`` is a session of its own then; a
    span of ours without any activity for ``timeout_seconds`` has ended with outcome ``unknown``.

    ``tree`` is where the spans stand, as far as that is known before; of more than it keeps open the oldest are
    forgotten, sessions, tasks and commands of ours last. Not for two threads at once. ``observe`` is shown the verdicts
    that the events are made of.
    """

    def __init__(
        self,
        *,
        hold_seconds: float = 30.0,
        settle_seconds: float = 900.0,
        timeout_seconds: float = 7 * 86_400.0,
        tree: Tree | None = None,
        observe: Callable[[list[Told]], object] | None = None,
    ) -> None:
        self._observe = observe
        self._hold_ns = int(hold_seconds * _NS)
        self._settle_ns = int(settle_seconds * _NS)
        self._timeout_ns = int(timeout_seconds * _NS)
        self._tree = Tree() if tree is None else tree
        self._begun: OrderedDict[int, Said] = OrderedDict()
        self._overdue: set[int] = set()
        self._own = OwnSpans(self._tree)
        self._waiting = Waiting(self._tree, self._own)
        self._model_calls = Twins(self._tree, model_calls_alike)
        self._tool_calls = Twins(self._tree, tool_calls_alike)
        self.has_model_calls = False
        self.link = self._tree.link

    @property
    def is_open(self) -> bool:
        """Whether something waits for a span to end or for time to pass."""
        return bool(self._waiting or self._begun)

    def start(self, record: SpanRecord) -> list[Fact | Usage]:
        """A span began; only those of ours say something now."""
        self.link(record.key, record.parent_key)
        said = read(record) if semconv.AGENT_LIFECYCLE in record.attributes else None
        if said is not None:
            self.begin(said)
        return self._events()

    def end(self, record: SpanRecord) -> list[Fact | Usage]:
        """A span ended."""
        said = read(record)
        if said is None:
            self.pass_by(record.key, record.parent_key)
        else:
            self.finish(said)
        return self._events()

    def begin(self, said: Said) -> None:
        """A span of ours began, and its place in the tree is known."""
        if said.kind == kinds.EVENT:
            return
        if len(self._begun) >= _MOST_OWN:
            self._give_up(next(iter(self._begun)), said.start_ns)
        self._begun[said.key] = said
        if said.kind == kinds.WORKFLOW:
            self._waiting.out.append(facts.workflow_started(said))
        elif said.kind in _BOUNDARIES:
            own = self._own.open(said)
            if said.kind == kinds.SESSION:
                about = facts.about(said.attributes, own.task and own.task.said.attributes)
                self._waiting.out.append(facts.fact("session.started", said.start_ns, about, said.key))
            elif said.kind == kinds.TASK:
                self._waiting.out.extend(facts.task_started(said, own.agent))

    def finish(self, said: Said) -> None:
        """A span that says something ended."""
        if self._tree.has_ended(said.key):  # it was given up, or comes from two sources
            return
        if said.is_own:
            self._begun.pop(said.key, None)
        branch = None if said.kind in _BOUNDARIES else self._waiting.take(said.key)
        if said.kind in _BOUNDARIES:
            self._end_own(said)
        elif said.kind == kinds.EVENT:
            self._end_event(said)
        elif said.kind in _METERED:
            self._end_model(said, branch)
        elif said.kind == kinds.TOOL:
            self._end_tool(said, branch)
        elif said.kind in (kinds.AGENT, kinds.WORKFLOW):
            for part in branch.turns if branch is not None else ():
                self._waiting.end(part)
            turn = turn_of(said, branch or Branch())
            counted_until = said.end_ns if turn.has_own_usage else 0
            self._tree.close(said.key, said.parent_key, counted_until=counted_until)
            self._waiting.put_turn(turn, self._tree.landing(said.parent_key))
        else:
            if branch is not None and said.conversation is not None:
                branch.name_conversation(said.conversation)
            self.pass_by(said.key, said.parent_key, branch)

    def told(self) -> list[Told]:
        """What is known for sure since the last time."""
        out = self._waiting.out
        if not out:
            return []  # never the list itself, which what comes later is added to
        self._waiting.out = []
        return out

    def _events(self) -> list[Fact | Usage]:
        told = self.told()
        if told and self._observe is not None:
            self._observe(told)
        return as_events(told)

    def unlink(self, key: int) -> list[Fact | Usage]:
        """A span that shows no dialect ended, and something ended below it."""
        self.pass_by(key, self._tree.parent(key))
        return self._events()

    def noted(self) -> list[Fact | Usage]:
        """The calls and runs that began to wait since the last time, as they would be told now.

        Each call is told by its run's end at the latest, with the same ``key``: that takes the place of this. What is
        said of a run has its key, until that is among those that are withdrawn.
        """
        return self._waiting.noted()

    def withdrawn(self) -> list[int]:
        """The keys of runs that were noted: what was said of them since is told, or is part of another run's."""
        return self._waiting.withdrawn()

    def expire(self, now_ns: int) -> list[Fact | Usage]:
        """What has waited too long by that time."""
        self._waiting.expire(now_ns, self._hold_ns, self._settle_ns)
        overdue = [key for key, said in reversed(self._begun.items()) if self._is_overdue(key, said, now_ns)]
        for key in overdue:
            if key in self._overdue:  # one that is told of afterwards begins long ago, and ends in a moment
                self._give_up(key, now_ns)
        self._overdue = set(overdue)
        return self._events()

    def _is_overdue(self, key: int, said: Said, now_ns: int) -> bool:
        own = self._own.get(key)
        return (said.start_ns if own is None else own.last_ns) + self._timeout_ns <= now_ns

    def release(self) -> list[Fact | Usage]:
        """Every call that waits, with what is known of its session so far."""
        self._waiting.release()
        return self._events()

    def close(self, now_ns: int) -> list[Fact | Usage]:
        """The process ends: nothing waits any longer, and what is open ends with outcome ``unknown``."""
        self.end_all(now_ns)
        return self._events()

    def end_all(self, now_ns: int) -> None:
        """As :meth:`close`."""
        for key in reversed(list(self._begun)):
            self._give_up(key, now_ns)
        self._waiting.close()

    # One span -----------------------------------------------------------------------------------------------------

    def _end_model(self, said: Said, branch: Branch | None) -> None:
        """The innermost call counts, and one that two instrumentations saw counts once.

        What only the other span of a call says, such as its cost, is added to it.
        """
        calls = 1 if said.kind == kinds.MODEL else 0
        landing = self._tree.landing(said.parent_key)
        self.has_model_calls = self.has_model_calls or bool(calls)
        call: ModelCall | None = ModelCall(said, calls=calls)
        if branch is not None and (_has_model(branch) if calls else _has_embedding(branch)):
            self._repeats(said, branch.speaker)
            call = call.beyond(branch.calls) if not branch.turns else None
            if call is not None:
                call.price()
                price(branch.held, call)
        elif said.start_ns < landing.counted_until:
            call = None
        elif (known := self._model_calls.again(said, call)) is not None:
            self._repeats(said, known.key)
            self._waiting.claim(known, landing)
            call = call.beyond(known)
            if call is not None:
                known.complete(call)
        else:
            call.price()
        self._tree.close(said.key, said.parent_key, counted_until=said.end_ns if calls else 0)
        if call is not None and (call.calls or call.has_figures):
            self._waiting.put_call(call, branch, landing)
        elif branch is not None:
            branch.conversation = branch.conversation or said.conversation
            self._waiting.put(branch, landing)

    def _end_tool(self, said: Said, branch: Branch | None) -> None:
        """A tool call right around one of the same name is the same call, also where it is the first to end."""
        landing = self._tree.landing(said.parent_key)
        self._tree.close(said.key, said.parent_key, tool=said.name)
        call = ToolCall(said)
        speaker = self._speaker_of(call, branch, said.parent_key)
        if branch is not None:
            for turn in branch.turns:
                turn.is_in_tool = True
            branch.tools = []
        if not speaker and (twin := self._tool_calls.again(said, call)) is not None:
            speaker = twin.key
            self._waiting.claim(twin, landing)
        if not speaker:
            self._waiting.put_call(call, branch, landing)
            return
        self._repeats(said, speaker)
        if branch is not None:
            branch.tools = [call]
            self._waiting.put(branch, landing)

    def _speaker_of(self, call: ToolCall, branch: Branch | None, parent_key: int) -> int:
        """The tool call right around or right below that is the same one; 0 for none."""
        around = self._tree.ended_tool(parent_key)
        if around is not None and call.is_within(around):  # cancelled, say, and told of
            return parent_key
        name = call.name
        if branch is None or name is None:
            return 0
        return next((tool.key for tool in branch.tools if tool.is_within(name)), 0)

    def _repeats(self, said: Said, speaker: int) -> None:
        if speaker:
            self._waiting.out.append(Repeat(said.key, speaker))

    def _end_event(self, said: Said) -> None:
        """A direct record: its properties are the event's; a tool call inside a session counts there too."""
        attributes = said.attributes
        self._tree.close(said.key, said.parent_key)
        event = attributes.get(semconv.AGENT_EVENT_NAME)
        if not isinstance(event, str):
            return
        prefix = semconv.AGENT_EVENT_PROPERTY
        properties = {key[len(prefix) :]: value for key, value in attributes.items() if key.startswith(prefix)}
        error_type = properties.pop("errorType", None)
        if isinstance(error_type, str):
            properties["errorCategory"] = category(error_type)
        around = self._own.around(said.parent_key)
        if around is not None:
            around.touch(said.start_ns)
        if event == "tool.called":
            self._complete(said, properties, around)
        self._waiting.out.append(facts.fact(event, said.start_ns, properties, said.key))

    def _complete(self, said: Said, properties: dict[str, object], around: Own | None) -> None:
        session = self._own.session_of(around, said.conversation)
        if session is not None:
            session.totals.tool_calls += 1
            if properties.get("isSuccess") is False:
                error = properties.get("errorCategory")
                session.totals.fail(error if isinstance(error, str) else "tool_error")
            properties.setdefault("agentName", session.agent_name)
        session_id = session.conversation if session is not None else said.conversation
        properties.setdefault("sessionId", session_id)

    # Our own sessions, tasks and commands ----------------------------------------------------------------------------

    def _end_own(self, said: Said) -> None:
        own = self._own.get(said.key) or self._own.open(said)
        branch = self._waiting.take(said.key)
        if branch is not None:
            self._waiting.settle(branch, own)
        self._own.close(own)
        own.touch(said.end_ns)
        if isinstance(own, OwnSession):
            self._end_session(said, own)
        elif own.task is own:
            if own.session is not None:
                own.session.totals.tasks += 1
            self._waiting.out.extend(facts.task_ended(said, facts.agent_of(said.attributes) or own.agent))
        else:
            self._waiting.out.append(facts.command_ended(said))
        session_id = own.session.conversation if own.session is not None else None
        self._tree.close(said.key, said.parent_key, session_id=session_id)

    def _end_session(self, said: Said, own: OwnSession) -> None:
        around = own.task and own.task.said.attributes
        about = {**facts.about(said.attributes, around), **facts.harness_of(said.attributes)}
        error = own.totals.cause(said.error)
        ended = facts.Ended(said.key, own.totals, said.start_ns, said.end_ns, error)
        self._waiting.out.extend(facts.session_ended(about, ended))
        own.learn(about["agentId"])
        if about["taskId"] is not None:
            self._waiting.out.append(facts.task_session(about, ended, own.task and own.task.agent))
        landing = self._tree.landing(said.parent_key)
        if landing.key and landing.key not in self._own:
            self._waiting.at(landing.key).sessions += 1

    def _give_up(self, key: int, now_ns: int) -> None:
        """A span of ours never ended."""
        said = self._begun.pop(key)
        if said.kind in _ADDED_UP:
            self._waiting.at(key).calls.fail(UNKNOWN)
        said.error = said.outcome = UNKNOWN
        said.end_ns = max(now_ns, said.start_ns)
        self.finish(said)

    def pass_by(self, key: int, parent_key: int, branch: Branch | None = None) -> None:
        """A span that stands for nothing ended: what is below it belongs to its parent."""
        branch = branch or self._waiting.take(key)
        self._tree.close(key, parent_key)
        if branch is not None:
            self._waiting.put(branch, self._tree.landing(parent_key))


def _has_model(branch: Branch) -> bool:
    return branch.is_metered or branch.calls.model_calls > 0 or any(turn.is_metered for turn in branch.turns)


def _has_embedding(branch: Branch) -> bool:
    """Whether there are tokens of no model call and of no agent."""
    return branch.calls.input_tokens is not None and not _has_model(branch)
