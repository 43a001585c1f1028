"""What programs with agents did: sessions, runs, calls, tools; and which instrumentations looked on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import strategies as st

from tests.agreement.totals import added

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agreement.totals import Totals

DIALECTS = ("new", "old", "openinference", "traceloop", "ours")
SEEN = (
    "once",
    "around the client",  # a framework's span is around the client's own
    "around the client, which knows no tokens",
    "around the client, which alone knows tokens",
    "around attempts",  # a router's span is around every attempt at a call
    "beside",  # two instrumentations, none below the other
    "beside, each in a tree of its own",
    "beside, in a trace of its own",
    "around the client and beside",
)
"""How many spans a model call has, and where."""
IDS = ("none", "one", "all", "few")
"""Which spans of a call carry the response's id; ``few`` are ids that come again for later calls."""
MCP = ("none", "server", "client and server", "server beside")


@dataclass(frozen=True, slots=True)
class Call:
    """A model call: attempts that failed, and then, unless it was given up, the one that was answered."""

    given: int
    made: int
    failed: int
    is_answered: bool

    @property
    def attempts(self) -> int:
        """How many requests it made."""
        return self.failed + self.is_answered


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool call; ``run`` is the agent that it started."""

    name: str
    is_failed: bool
    run: Run | None = None


Step: TypeAlias = "Call | Tool"


@dataclass(frozen=True, slots=True)
class Run:
    """An agent's run; its calls may be at one time."""

    name: str
    steps: tuple[Step, ...]
    is_parallel: bool

    def all_steps(self) -> Iterator[Step]:
        """Its steps, and those of the runs below."""
        for step in self.steps:
            yield step
            if isinstance(step, Tool) and step.run is not None:
                yield from step.run.all_steps()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How the spans of a program come to be."""

    dialect: str = "new"
    seen: str = "once"
    ids: str = "none"
    mcp: str = "none"
    repeats: bool = False
    """Whether runs, and the chains below them, repeat the tokens of their calls."""
    chains: bool = False
    twice: bool = False
    """Whether a run has two spans of one name."""
    has_workflow: bool = False
    names_conversation: bool = True
    is_seeded: bool = False
    """Whether each trace has the span ids of every other."""
    unfinished: bool = False
    """Whether spans are also sent when they begin."""


@dataclass(frozen=True, slots=True)
class Forest:
    """One program: each conversation is a list of turns, each turn a run in a trace of its own."""

    conversations: tuple[tuple[Run, ...], ...]
    setup: Setup = field(default_factory=Setup)

    def turns(self) -> Iterator[tuple[int, int, Run]]:
        """Each turn with its conversation's number and its trace's, in the order in which they happened."""
        trace = 0
        for number, runs in enumerate(self.conversations, 1):
            for run in runs:
                trace += 1
                yield number, trace, run

    def session(self, conversation: int, trace: int) -> str:
        """The id that a turn's session is known by."""
        is_named = self.setup.names_conversation or self.setup.dialect == "ours"
        return f"talk-{conversation}" if is_named else f"{trace:032x}"

    def truth(self) -> Totals:
        """What it all adds up to."""
        turns = list(self.turns())
        steps = [step for _, _, run in turns for step in run.all_steps()]
        calls = [step for step in steps if isinstance(step, Call)]
        tools = [step for step in steps if isinstance(step, Tool)]
        failed, broken = sum(call.failed for call in calls), sum(tool.is_failed for tool in tools)
        return {
            "calls": sum(call.attempts for call in calls),
            "failed_calls": failed,
            "tools": len(tools),
            "tool_errors": broken,
            "failures": failed + broken,
            "workflows": len(turns) if self.setup.has_workflow else 0,
            "runs": len(turns) + sum(tool.run is not None for tool in tools),
            "input": added(call.given for call in calls if call.is_answered),
            "output": added(call.made for call in calls if call.is_answered),
            "sessions": frozenset(self.session(conversation, trace) for conversation, trace, _ in turns),
        }


_CALLS = st.builds(Call, st.integers(1, 4), st.integers(1, 2), st.sampled_from((0, 0, 0, 1, 2)), st.booleans()).filter(
    lambda call: call.attempts > 0
)
"""Figures are small, so that different calls often look alike."""
_LEAVES = st.builds(Tool, st.sampled_from(("add", "find")), st.booleans())


def _runs(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[Run]:
    return st.builds(
        Run, st.sampled_from(("ann", "bob")), st.lists(steps, min_size=1, max_size=4).map(tuple), st.booleans()
    )


_STEPS: st.SearchStrategy[Step] = st.recursive(
    st.one_of(_CALLS, _LEAVES),
    lambda inner: st.builds(Tool, st.sampled_from(("ask", "find")), st.booleans(), _runs(inner)),
    max_leaves=4,
)
_CONVERSATIONS = st.lists(st.lists(_runs(_STEPS), min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple)
_SETUPS = st.builds(
    Setup,
    dialect=st.sampled_from(DIALECTS),
    seen=st.sampled_from(SEEN),
    ids=st.sampled_from(IDS),
    mcp=st.sampled_from(MCP),
    repeats=st.booleans(),
    chains=st.booleans(),
    twice=st.booleans(),
    has_workflow=st.booleans(),
    names_conversation=st.booleans(),
    is_seeded=st.booleans(),
    unfinished=st.booleans(),
)
forests = st.builds(Forest, _CONVERSATIONS, _SETUPS)
"""Any program, however it is watched."""


def watched(setup: Setup) -> st.SearchStrategy[Forest]:
    """Any program, watched in that way."""
    return st.builds(Forest, _CONVERSATIONS, st.just(setup))
