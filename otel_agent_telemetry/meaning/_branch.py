"""What ended below a span that is still open: calls, runs and workflows on their way up to their session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning._calls import ModelCall, Run, ToolCall
from otel_agent_telemetry.meaning._costs import guess_of_rest
from otel_agent_telemetry.meaning._outcomes import VAGUE
from otel_agent_telemetry.meaning._providers import harness
from otel_agent_telemetry.meaning._records import NOTHING
from otel_agent_telemetry.meaning._table import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.meaning._records import Fact
    from otel_agent_telemetry.meaning._said import Said

_MOST_ERRORS = 32  # as many as a list property holds


class Totals:
    """What calls and runs add up to; tokens and cost are None until a call says something about them."""

    __slots__ = (
        "cache_read_tokens",
        "cache_write_tokens",
        "cost_usd",
        "error_count",
        "errors",
        "guess",
        "input_tokens",
        "model",
        "model_calls",
        "output_tokens",
        "provider",
        "reasoning_tokens",
        "runs",
        "tasks",
        "tool_calls",
    )

    def __init__(self) -> None:
        self.runs = 0
        self.tasks = 0
        self.tool_calls = 0
        self.model_calls = 0
        self.error_count = 0
        self.errors: list[str] = []
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.cache_read_tokens: int | None = None
        self.cache_write_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.cost_usd: float | None = None
        self.guess = NOTHING
        self.model: str | None = None
        self.provider: str | None = None

    def count(self, call: ModelCall | ToolCall) -> None:
        """Add one call."""
        if isinstance(call, ModelCall):
            self.model_calls += call.calls
            self.guess = self.guess.plus(call.withdrawn)
            self._add_usage(call)
        else:
            self.tool_calls += 1
        if call.error is not None:
            self.fail(call.error)

    def add(self, other: Totals) -> None:
        """Add what another part of the tree adds up to."""
        self.runs += other.runs
        self.tasks += other.tasks
        self.tool_calls += other.tool_calls
        self.model_calls += other.model_calls
        self.error_count += other.error_count
        self.errors = (self.errors + other.errors)[-_MOST_ERRORS:] if other.errors else self.errors
        self._add_usage(other)

    def remove(self, call: ModelCall | ToolCall) -> None:
        """Take one call out again, which belongs to another part of the tree."""
        if isinstance(call, ToolCall):
            self.tool_calls -= 1
        else:
            self.model_calls -= call.calls
            self.guess = self.guess.minus(call.guess).minus(call.withdrawn)
            for name in FIGURES:
                total, figure = getattr(self, name), getattr(call, name)
                setattr(self, name, total if total is None or figure is None else (total - figure) or None)
        if call.error is not None:
            self.error_count -= 1
            self.errors = self.errors[:-1] if self.errors[-1:] == [call.error] else self.errors

    def fail(self, error: str) -> None:
        """Add one failure."""
        self.error_count += 1
        self.errors = [*self.errors[1 - _MOST_ERRORS :], error]

    def cause(self, error: str | None) -> str | None:
        """What to call the error that ended all this: the last call's, where that tells more."""
        if error in VAGUE and self.errors:
            return self.errors[-1]
        if error is not None and not self.error_count:
            self.fail(error)
        return error

    def _add_usage(self, other: Totals | ModelCall) -> None:
        self.input_tokens = _sum(self.input_tokens, other.input_tokens)
        self.output_tokens = _sum(self.output_tokens, other.output_tokens)
        self.cache_read_tokens = _sum(self.cache_read_tokens, other.cache_read_tokens)
        self.cache_write_tokens = _sum(self.cache_write_tokens, other.cache_write_tokens)
        self.reasoning_tokens = _sum(self.reasoning_tokens, other.reasoning_tokens)
        self.guess = self.guess.plus(other.guess)
        if other.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + other.cost_usd
        if other.model is not None:
            self.model, self.provider = other.model, other.provider
        elif self.model is None:
            self.provider = other.provider or self.provider

    @property
    def has_figures(self) -> bool:
        """Whether anything is known of tokens or cost."""
        return any(getattr(self, name) is not None for name in FIGURES)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was called and nothing used."""
        return not (self.tool_calls or self.model_calls or self.input_tokens or self.output_tokens or self.tasks)


class Branch:
    """Everything that ended below one open span and has no session yet.

    ``held`` are the calls whose events wait to learn their session, ``turns`` the nearest agent runs and workflows,
    ``tools`` the last tool calls with no agent or workflow between, ``shadows`` the calls that count elsewhere and are
    told of here too, by another instrumentation.
    """

    __slots__ = (
        "calls",
        "conversation",
        "held",
        "is_metered",
        "sessions",
        "shadows",
        "since_ns",
        "speaker",
        "tools",
        "turns",
    )

    def __init__(self) -> None:
        self.calls = Totals()
        self.held: list[ModelCall | ToolCall] = []
        self.turns: list[Turn] = []
        self.shadows: list[ModelCall | ToolCall] = []
        self.tools: list[ToolCall] = []
        self.conversation: str | None = None
        self.is_metered = False
        self.sessions = 0
        self.since_ns = 0
        self.speaker = 0

    def add(self, call: ModelCall | ToolCall) -> None:
        """Take in a call that ended directly below, or with nothing of ours between."""
        self.calls.count(call)
        self.held.append(call)
        call.holder = self
        if isinstance(call, ToolCall):
            self.tools.append(call)
        else:
            self.speaker = self.speaker or call.key
        self.since_ns = self.since_ns or call.occurred_ns
        self.conversation = self.conversation or call.conversation

    def name_conversation(self, conversation: str) -> None:
        """A span that stands for nothing else says which conversation all this belongs to, unless its parts know."""
        self.conversation = conversation
        for part in (*self.held, *self.shadows, *self.turns, *(call for turn in self.turns for call in turn.held)):
            part.conversation = part.conversation or conversation

    def adopt(self) -> None:
        """A run ends around all this: calls that are told of here and belong to no other run are its own."""
        for call in self.shadows:
            holder: Branch | None = call.holder
            if holder is not None and holder is not self and call in holder.held:
                holder.held.remove(call)
                holder.calls.remove(call)
                self.add(call)
            elif call.is_alone:
                call.is_alone = False
                self.calls.count(call)

    def merge(self, other: Branch) -> None:
        """Take in what was below a span that turned out to be nothing of ours."""
        self.calls.add(other.calls)
        for call in other.held:
            call.holder = self
        self.held += other.held
        self.shadows += other.shadows
        self.turns += other.turns
        self.tools += other.tools
        self.conversation = self.conversation or other.conversation
        self.is_metered = self.is_metered or other.is_metered
        self.sessions += other.sessions
        self.speaker = self.speaker or other.speaker
        self.since_ns = min(filter(None, (self.since_ns, other.since_ns)), default=0)


def price(held: Iterable[ModelCall | ToolCall | Run], rest: ModelCall) -> None:
    """Note on calls that a span around them says what they cost, or what they used."""
    calls = [call for call in held if isinstance(call, ModelCall) and call is not rest]
    for call in calls:
        if call.cost_usd is None and (rest.cost_usd is not None or not call.has_usage):
            call.be_priced_by(rest)
        elif len(calls) == 1 and not rest.is_priced_elsewhere:
            rest.guess = guess_of_rest(rest, call)


class Turn:
    """An agent run or a workflow that ended, with all that is below it; ``task`` is what a coding agent was asked."""

    __slots__ = (
        "agent_id",
        "agent_name",
        "conversation",
        "end_ns",
        "error",
        "facts",
        "harness",
        "has_calls",
        "has_own_usage",
        "held",
        "is_emitted",
        "is_in_tool",
        "is_metered",
        "is_noted",
        "is_run",
        "is_told",
        "key",
        "name",
        "scope",
        "sessions",
        "start_ns",
        "task",
        "totals",
        "trace_id",
        "verdict",
    )

    def __init__(self, said: Said, branch: Branch) -> None:
        self.key = said.key
        self.trace_id = said.trace_id
        self.scope = said.scope
        self.start_ns = said.start_ns
        self.end_ns = said.end_ns
        self.name = said.name
        self.is_run = True
        self.is_in_tool = False
        self.is_emitted = False
        self.is_noted = self.is_told = False
        self.has_own_usage = False
        self.is_metered = False
        self.has_calls = bool(branch.calls.model_calls or branch.calls.tool_calls)
        self.harness = harness(said.scope) if said.marks is None else said.marks.provider
        self.task = None if said.marks is None else said.marks.task
        self.agent_id = said.agent_id
        self.agent_name = said.agent_name
        self.conversation = said.conversation or branch.conversation
        self.error: str | None = None
        self.facts: list[Fact] = []
        self.verdict = Run(said, is_run=True, speaker=0, error=None)
        for call in branch.held:
            call.holder = None
        self.held: list[ModelCall | ToolCall | Run] = [*branch.held]
        self.sessions = branch.sessions
        self.totals = branch.calls


def _sum(total: int | None, more: int | None) -> int | None:
    if more is None:
        return total
    return more if total is None else total + more
