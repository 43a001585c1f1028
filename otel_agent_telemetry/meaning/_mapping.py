"""Spans in, facts and usage out."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _dialects as dialects
from otel_agent_telemetry.meaning import _facts as facts
from otel_agent_telemetry.meaning._ancestry import Tree
from otel_agent_telemetry.meaning._branch import Branch
from otel_agent_telemetry.meaning._calls import ModelCall, ToolCall
from otel_agent_telemetry.meaning._counted import Counted
from otel_agent_telemetry.meaning._errors import category
from otel_agent_telemetry.meaning._own import OwnSession, OwnSpans
from otel_agent_telemetry.meaning._turns import turn_of
from otel_agent_telemetry.meaning._waiting import Waiting

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._own import Own
    from otel_agent_telemetry.meaning._records import Fact, SpanRecord, Usage

_NS = 1_000_000_000
_MOST_OWN = 16_384

_ADDED_UP = frozenset({semconv.LIFECYCLE_SESSION, semconv.LIFECYCLE_AGENT, semconv.LIFECYCLE_WORKFLOW})
_BOUNDARIES = frozenset({semconv.LIFECYCLE_SESSION, semconv.LIFECYCLE_TASK, semconv.LIFECYCLE_COMMAND})


class Mapping:
    """Turns the spans of one process into facts and counted model calls.

    A foreign agent run or workflow with no other around it, and no session of ours, is a session by itself: its id is
    the conversation's, else the trace's, so that several turns of one conversation are sessions of one id.

    Times come from the records, never from a clock. A call waits below its open ancestors until its session is known,
    at most ``hold_seconds``; a run whose ancestors stay open for ``settle_seconds`` is a session of its own then; a
    span of ours without any activity for ``timeout_seconds`` has ended with outcome ``unknown``.

    Of more than ``most_open`` open spans the oldest are forgotten; sessions, tasks and commands of ours last longest.

    ``link``, ``expect`` and ``leave`` may be called from any thread; everything else from one at a time. With
    ``partial``, spans arrive when they have ended, in batches: a parent that was not seen may still come.
    """

    def __init__(
        self,
        *,
        hold_seconds: float = 30.0,
        settle_seconds: float = 900.0,
        timeout_seconds: float = 7 * 86_400.0,
        most_open: int = 65_536,
        partial: bool = False,
    ) -> None:
        self._hold_ns = int(hold_seconds * _NS)
        self._settle_ns = int(settle_seconds * _NS)
        self._timeout_ns = int(timeout_seconds * _NS)
        self._tree = Tree(most_open=most_open, partial=partial)
        self._begun: OrderedDict[int, SpanRecord] = OrderedDict()
        self._own = OwnSpans(self._tree)
        self._waiting = Waiting(self._tree, self._own)
        self._counted = Counted(self._tree)
        self.has_model_calls = False
        self.link = self._tree.link
        self.expect = self._tree.expect
        self.leave = self._tree.leave

    @property
    def is_open(self) -> bool:
        """Whether something waits for a span to end or for time to pass."""
        return bool(self._waiting or self._begun)

    def start(self, record: SpanRecord) -> list[Fact | Usage]:
        """A span began; only those of ours say something now."""
        self.link(record.span_id, record.parent_id)
        lifecycle = record.attributes.get(semconv.AGENT_LIFECYCLE)
        if lifecycle is None or lifecycle == semconv.LIFECYCLE_EVENT:
            return []
        if len(self._begun) >= _MOST_OWN:
            self._give_up(next(iter(self._begun)), record.start_ns)
        self._begun[record.span_id] = record
        if lifecycle in _BOUNDARIES:
            self._own.open(record)
        if lifecycle == semconv.LIFECYCLE_SESSION:
            self._waiting.out.append(facts.fact("session.started", record.start_ns, facts.about(record.attributes)))
        elif lifecycle == semconv.LIFECYCLE_TASK:
            self._waiting.out.extend(facts.task_started(record))
        elif lifecycle == semconv.LIFECYCLE_WORKFLOW:
            name = dialects.text(record.attributes, dialects.WORKFLOW_NAME)
            self._waiting.out.append(facts.workflow_started(record, name))
        return self._taken()

    def end(self, record: SpanRecord) -> list[Fact | Usage]:
        """A span ended."""
        self._end(record)
        return self._taken()

    def unlink(self, span_id: int) -> list[Fact | Usage]:
        """A span that shows no dialect ended, and something ended below it."""
        self._pass_on(span_id, self._tree.parent(span_id), self._waiting.take(span_id))
        return self._taken()

    def expire(self, now_ns: int) -> list[Fact | Usage]:
        """What has waited too long by that time."""
        self._waiting.expire(now_ns, self._hold_ns, self._settle_ns)
        for span_id, record in reversed(list(self._begun.items())):
            own = self._own.get(span_id)
            if (record.start_ns if own is None else own.last_ns) + self._timeout_ns <= now_ns:
                self._give_up(span_id, now_ns)
        return self._taken()

    def release(self) -> list[Fact | Usage]:
        """Every call that waits, with what is known of its session so far."""
        self._waiting.release()
        return self._taken()

    def close(self, now_ns: int) -> list[Fact | Usage]:
        """The process ends: nothing waits any longer, and what is open ends with outcome ``unknown``."""
        for span_id in reversed(list(self._begun)):
            self._give_up(span_id, now_ns)
        self._waiting.close()
        return self._taken()

    # One span -----------------------------------------------------------------------------------------------------

    def _end(self, record: SpanRecord) -> None:
        if self._tree.has_ended(record.span_id):  # it was given up, or comes from two sources
            return
        attributes = record.attributes
        lifecycle = attributes.get(semconv.AGENT_LIFECYCLE)
        if lifecycle is not None:
            self._begun.pop(record.span_id, None)
            if lifecycle == semconv.LIFECYCLE_EVENT:
                self._end_event(record)
                return
            if lifecycle in _BOUNDARIES:
                self._end_own(record)
                return
        kind = dialects.kind(attributes)
        if kind is dialects.OTHER and lifecycle == semconv.LIFECYCLE_MODEL_CALL:
            kind = dialects.MODEL
        branch = self._waiting.take(record.span_id)
        if kind is dialects.MODEL or kind is dialects.EMBEDDING:
            self._end_model(record, branch, calls=1 if kind is dialects.MODEL else 0)
        elif kind is dialects.TOOL:
            self._end_tool(record, branch)
        elif kind is dialects.AGENT or kind is dialects.WORKFLOW:
            turn = turn_of(record, kind, branch or Branch())
            counted_until = record.end_ns if turn.has_own_usage else 0
            self._tree.close(record.span_id, record.parent_id, counted_until=counted_until)
            self._waiting.put_turn(turn, self._tree.landing(record.parent_id))
        else:
            if branch is not None and kind is not None:
                branch.conversation = dialects.conversation(attributes) or branch.conversation
            self._pass_on(record.span_id, record.parent_id, branch)

    def _end_model(self, record: SpanRecord, branch: Branch | None, *, calls: int) -> None:
        """The innermost call counts, and one that two instrumentations saw counts once.

        What only the other span of a call says, such as its cost, is added to it.
        """
        if calls and not record.is_error and dialects.is_helper(record.attributes):
            self._pass_on(record.span_id, record.parent_id, branch)
            return
        landing = self._tree.landing(record.parent_id)
        conversation = dialects.conversation(record.attributes)
        self.has_model_calls = self.has_model_calls or bool(calls)
        counts_until = record.end_ns if calls else 0
        call: ModelCall | None = ModelCall(record, record.attributes, conversation, calls=calls)
        if branch is not None and (_has_model(branch) if calls else _has_embedding(branch)):
            call = call.beyond(branch.calls) if not branch.turns else None
        elif record.start_ns < landing.counted_until:
            call = None
        elif (known := self._counted.again(record, call)) is not None:
            self._waiting.claim(known, landing)
            call = call.beyond(known)
            if call is not None:
                known.complete(call)
        self._tree.close(record.span_id, record.parent_id, counted_until=counts_until)
        if call is not None and (call.calls or call.has_figures):
            self._waiting.put_call(call, branch, landing)
        elif branch is not None:
            branch.conversation = branch.conversation or conversation
            self._waiting.put(branch, landing)

    def _end_tool(self, record: SpanRecord, branch: Branch | None) -> None:
        """A tool call right around one of the same name is the same call, also where it is the first to end."""
        landing = self._tree.landing(record.parent_id)
        name = dialects.text(record.attributes, dialects.TOOL_NAME)
        self._tree.close(record.span_id, record.parent_id, tool=name)
        is_seen = False
        if branch is not None:
            for turn in branch.turns:
                turn.is_in_tool = True
            is_seen = name is not None and any(tool.is_within(name) for tool in branch.tools)
            branch.tools = []
        call = ToolCall(record, name, dialects.conversation(record.attributes))
        around = self._tree.ended_tool(record.parent_id)
        if around is not None and call.is_within(around):  # cancelled, say, and told of
            if branch is not None:
                self._waiting.put(branch, landing)
        elif is_seen and branch is not None:
            branch.tools = [call]
            self._waiting.put(branch, landing)
        else:
            self._waiting.put_call(call, branch, landing)

    def _end_event(self, record: SpanRecord) -> None:
        """A direct record: its properties are the event's; a tool call inside a session counts there too."""
        attributes = record.attributes
        self._tree.close(record.span_id, record.parent_id)
        event = attributes.get(semconv.AGENT_EVENT_NAME)
        if not isinstance(event, str):
            return
        prefix = semconv.AGENT_EVENT_PROPERTY
        properties = {key[len(prefix) :]: value for key, value in attributes.items() if key.startswith(prefix)}
        error_type = properties.pop("errorType", None)
        if isinstance(error_type, str):
            properties["errorCategory"] = category(error_type)
        around = self._own.around(record.parent_id)
        if around is not None:
            around.touch(record.start_ns)
        if event == "tool.called":
            self._complete(record, properties, around)
        self._waiting.out.append(facts.fact(event, record.start_ns, properties))

    def _complete(self, record: SpanRecord, properties: dict[str, object], around: Own | None) -> None:
        session = self._own.session_of(around, dialects.conversation(record.attributes))
        if session is not None:
            session.totals.tool_calls += 1
            if properties.get("isSuccess") is False:
                error = properties.get("errorCategory")
                session.totals.fail(error if isinstance(error, str) else "tool_error")
            properties.setdefault("agentName", session.agent_name)
        session_id = session.conversation if session is not None else dialects.conversation(record.attributes)
        properties.setdefault("sessionId", session_id)

    # Our own sessions, tasks and commands ----------------------------------------------------------------------------

    def _end_own(self, record: SpanRecord) -> None:
        own = self._own.get(record.span_id) or self._own.open(record)
        branch = self._waiting.take(record.span_id)
        if branch is not None:
            self._waiting.settle(branch, own)
        self._own.close(own)
        own.touch(record.end_ns)
        if isinstance(own, OwnSession):
            self._end_session(record, own)
        elif own.task is own:
            if own.session is not None:
                own.session.totals.tasks += 1
            self._waiting.out.extend(facts.task_ended(record, facts.error_of(record)))
        else:
            self._waiting.out.append(facts.command_ended(record))
        session_id = own.session.conversation if own.session is not None else None
        self._tree.close(record.span_id, record.parent_id, session_id=session_id)

    def _end_session(self, record: SpanRecord, own: OwnSession) -> None:
        about = {**facts.about(record.attributes), **facts.harness_of(record.attributes)}
        error = own.totals.cause(facts.error_of(record))
        ended = facts.Ended(own.totals, record.start_ns, record.end_ns, error)
        self._waiting.out.extend(facts.session_ended(about, ended))
        if own.task is not None:
            self._waiting.out.append(facts.task_session(own.task.record.attributes, about, ended))
        landing = self._tree.landing(record.parent_id)
        if landing.span_id and landing.span_id not in self._own:
            self._waiting.at(landing.span_id).sessions += 1

    def _give_up(self, span_id: int, now_ns: int) -> None:
        """A span of ours never ended."""
        record = self._begun.pop(span_id)
        if record.attributes.get(semconv.AGENT_LIFECYCLE) in _ADDED_UP:
            self._waiting.at(span_id).calls.fail(facts.UNKNOWN)
        attributes = {**record.attributes, semconv.AGENT_OUTCOME: facts.UNKNOWN}
        self._end(record._replace(attributes=attributes, end_ns=max(now_ns, record.start_ns), is_error=True))

    def _pass_on(self, span_id: int, parent_id: int, branch: Branch | None) -> None:
        """A span that stands for nothing ended: what is below it belongs to its parent."""
        self._tree.close(span_id, parent_id)
        if branch is not None:
            self._waiting.put(branch, self._tree.landing(parent_id))

    def _taken(self) -> list[Fact | Usage]:
        out = self._waiting.out
        if not out:
            return []  # never the list itself, which what comes later is added to
        self._waiting.out = []
        return out


def _has_model(branch: Branch) -> bool:
    return branch.is_metered or branch.calls.model_calls > 0 or any(turn.is_metered for turn in branch.turns)


def _has_embedding(branch: Branch) -> bool:
    """Whether there are tokens of no model call and of no agent."""
    return branch.calls.input_tokens is not None and not _has_model(branch)
