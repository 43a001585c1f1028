"""Open spans of ours that what happens inside belongs to: sessions, tasks and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._branch import Totals
from otel_agent_telemetry.meaning._facts import agent_of

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._ancestry import Tree
    from otel_agent_telemetry.meaning._said import Said


class Own:
    """One of them; ``session`` and ``task`` are the nearest around it, itself included; ``agent`` works in it."""

    __slots__ = ("agent", "conversation", "last_ns", "said", "session", "task")

    def __init__(self, said: Said, around: Own | None, session: OwnSession | None) -> None:
        self.said = said
        self.last_ns = said.start_ns
        conversation = said.attributes.get(semconv.GEN_AI_CONVERSATION_ID)
        self.conversation = conversation if isinstance(conversation, str) else None
        self.session = session
        self.agent: object = agent_of(said.attributes) or (None if session is None else session.agent)
        self.task: Own | None = around.task if around is not None else None
        if said.kind == kinds.TASK:
            self.task = self

    def learn(self, agent: object) -> None:
        """An agent is at work inside: of the task around, it is the one that works on it, unless one is known."""
        if self.task is not None:
            self.task.agent = self.task.agent or agent

    def touch(self, now_ns: int) -> None:
        """Something happened inside."""
        for own in (self, self.session, self.task):
            if own is not None and own.last_ns < now_ns:
                own.last_ns = now_ns


class OwnSession(Own):
    """A session, and what everything inside adds up to so far."""

    __slots__ = ("agent_name", "totals")

    def __init__(self, said: Said, around: Own | None) -> None:
        super().__init__(said, around, None)
        self.session = self
        self.learn(self.agent)
        self.agent_name = said.agent_name
        self.totals = Totals()


class OwnSpans:
    """The open ones, by span and by conversation."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._spans: dict[int, Own] = {}
        self._conversations: dict[str, OwnSession] = {}

    def __contains__(self, key: int) -> bool:
        return key in self._spans

    def get(self, key: int) -> Own | None:
        """The one with that span."""
        return self._spans.get(key)

    def open(self, said: Said) -> Own:
        """One began."""
        around = self.around(said.parent_key)
        own: Own
        if said.kind == kinds.SESSION:
            own = OwnSession(said, around)
            if own.conversation is not None:
                self._conversations[own.conversation] = own
        else:
            own = Own(said, around, self.session_of(around, said.conversation))
        own.touch(said.start_ns)
        self._tree.pin(said.key)
        self._spans[said.key] = own
        return own

    def close(self, own: Own) -> None:
        """One ended."""
        del self._spans[own.said.key]
        if own.conversation is not None and self._conversations.get(own.conversation) is own:
            del self._conversations[own.conversation]

    def around(self, key: int) -> Own | None:
        """The nearest one around, the span itself included."""
        if not self._spans:
            return None
        return next((own for above in self._tree.ancestors(key) if (own := self._spans.get(above))), None)

    def session_of(self, around: Own | None, conversation: str | None) -> OwnSession | None:
        """The open session of ours around, else the one that has this conversation."""
        if around is not None and around.session is not None:
            return around.session
        if conversation is None and around is not None:
            conversation = around.conversation
        return self._conversations.get(conversation) if conversation is not None else None
