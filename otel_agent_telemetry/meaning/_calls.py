"""The two kinds of call that are counted, as verdicts: what counts, what is spent, and where it belongs."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from otel_agent_telemetry.meaning._costs import guess, guess_of_rest
from otel_agent_telemetry.meaning._records import NOTHING
from otel_agent_telemetry.meaning._table import FIGURES

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._said import Said


class Figures(Protocol):
    """What is known of a model and of what was used: of one call, or of all that are below a span."""

    model: str | None
    provider: str | None
    cost_usd: float | None


class ModelCall:
    """A model call, an embedding, or an agent's own usage figure; the latter two are tokens without a call.

    ``calls`` is 1 for a call that counts. ``seconds`` is what it took, ``first_chunk_seconds`` its first piece.
    Figures are those that are spent here, None for what is unknown or is spent by another span of the same call.
    ``guess`` is what it may have cost where nobody says that, ``withdrawn`` what calls whose cost this one says are no
    longer told with. ``rests`` are what other spans of it add. ``holder`` is the branch that it waits in, ``is_noted``
    whether it was shown meanwhile. ``session_id`` and ``told_agent`` are what it is told with.
    """

    __slots__ = (
        "agent_name",
        "cache_read_tokens",
        "cache_write_tokens",
        "calls",
        "conversation",
        "cost_usd",
        "error",
        "first_chunk_seconds",
        "given_agent_name",
        "guess",
        "holder",
        "input_tokens",
        "is_alone",
        "is_noted",
        "is_priced_elsewhere",
        "is_told",
        "key",
        "model",
        "occurred_ns",
        "operation",
        "output_tokens",
        "provider",
        "reasoning_tokens",
        "rests",
        "seconds",
        "session_id",
        "spent_elsewhere",
        "told_agent",
        "trace_id",
        "withdrawn",
    )

    def __init__(self, said: Said, *, calls: int) -> None:
        self.trace_id = said.trace_id
        self.key = said.key
        self.occurred_ns = said.end_ns
        self.calls = calls
        self.holder: Any = None
        self.is_alone = False
        self.is_noted = False
        self.is_told = False
        self.is_priced_elsewhere = said.marks is not None and said.marks.is_priced
        self.conversation = said.conversation
        self.agent_name: str | None = None
        self.given_agent_name = said.agent_name
        self.model = said.model
        self.provider = said.provider
        self.operation = said.operation
        self.seconds = (said.end_ns - said.start_ns) / 1e9
        self.first_chunk_seconds = said.first_chunk_seconds
        self.input_tokens = said.input_tokens
        self.output_tokens = said.output_tokens
        self.cache_read_tokens = said.cache_read_tokens
        self.cache_write_tokens = said.cache_write_tokens
        self.reasoning_tokens = said.reasoning_tokens
        self.cost_usd = said.cost_usd
        self.guess = self.withdrawn = NOTHING
        self.rests: tuple[ModelCall, ...] = ()
        self.error = said.error if calls else None
        self.spent_elsewhere: tuple[str, ...] = ()
        self.session_id: str | None = None
        self.told_agent: str | None = None

    @property
    def has_usage(self) -> bool:
        """Whether it says anything about tokens."""
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def has_figures(self) -> bool:
        """Whether it says anything about tokens or cost."""
        return any(getattr(self, name) is not None for name in FIGURES)

    def beyond(self, known: Figures) -> ModelCall | None:
        """The figures of this call that are not known of the same call yet, as usage without a call; None for none."""
        spent = getattr(known, "spent_elsewhere", ())
        new = [name for name in FIGURES if name not in spent and getattr(known, name) is None]
        if not any(getattr(self, name) for name in new):
            return None
        rest = copy(self)
        rest.calls, rest.error, rest.rests = 0, None, ()
        rest.guess = rest.withdrawn = NOTHING
        rest.is_priced_elsewhere = self.cost_usd is None and known.cost_usd is not None
        rest.model, rest.provider = known.model or self.model, known.provider or self.provider
        for name in FIGURES:
            if name not in new:
                setattr(rest, name, None)
        return rest

    def price(self) -> None:
        """Guess what it may have cost; once all is known that it says."""
        self.guess = guess(self)

    def be_priced_by(self, rest: ModelCall) -> None:
        """A span around says what this call cost, or what it used, before it is told of."""
        if not self.is_priced_elsewhere:
            self.is_priced_elsewhere = True
            rest.withdrawn = rest.withdrawn.minus(self.guess)
            self.guess = NOTHING

    def complete(self, rest: ModelCall) -> None:
        """Note which figures of this call another span of it spends; it may have been told of, with a guess."""
        if rest.cost_usd is not None:
            for part in (self, *self.rests):
                rest.guess = rest.guess if part.is_priced_elsewhere else rest.guess.minus(part.guess)
                part.is_priced_elsewhere = True
        elif not rest.is_priced_elsewhere:
            rest.guess = guess_of_rest(rest, self)
            if not self.has_usage:
                rest.guess = rest.guess.minus(self.guess)
                self.is_priced_elsewhere = True
        self.rests += (rest,)
        self.spent_elsewhere += tuple(name for name in FIGURES if getattr(rest, name) is not None)

    def tell(self, session_id: str | None, agent_name: str | None) -> ModelCall:
        """Settle where it belongs."""
        self.holder = None
        self.is_told = True
        self.session_id = session_id
        self.told_agent = self.agent_name or self.given_agent_name or agent_name
        return self


class ToolCall:
    """A tool call that counts."""

    __slots__ = (
        "agent_name",
        "call_id",
        "conversation",
        "error",
        "given_agent_name",
        "holder",
        "is_alone",
        "is_mcp",
        "is_noted",
        "is_told",
        "key",
        "name",
        "occurred_ns",
        "session_id",
        "start_ns",
        "told_agent",
        "trace_id",
    )

    def __init__(self, said: Said) -> None:
        self.trace_id = said.trace_id
        self.key = said.key
        self.name = said.name
        self.call_id = said.call_id
        self.conversation = said.conversation
        self.agent_name: str | None = None
        self.given_agent_name = said.agent_name
        self.is_mcp = said.is_mcp
        self.start_ns = said.start_ns
        self.occurred_ns = said.end_ns
        self.holder: Any = None
        self.is_alone = False
        self.is_noted = False
        self.is_told = False
        self.error = said.error
        self.session_id: str | None = None
        self.told_agent: str | None = None

    def is_within(self, name: str) -> bool:
        """Whether a tool call of that name right around it is the same call seen twice.

        Agents often put the name of an MCP server before the name that the server has for its tool.
        """
        return self.name == name or (self.is_mcp and self.name is not None and name.endswith(self.name))

    def tell(self, session_id: str | None, agent_name: str | None) -> ToolCall:
        """Settle where it belongs."""
        self.holder = None
        self.is_told = True
        self.session_id = session_id
        self.told_agent = self.agent_name or self.given_agent_name or agent_name
        return self


class Repeat(NamedTuple):
    """A span that says again what another one says; that one speaks for it."""

    key: int
    speaker: int


class Run:
    """An agent's run or a workflow, as a verdict: it counts where no other span, ``speaker``, stands for it."""

    __slots__ = (
        "conversation",
        "error",
        "is_run",
        "key",
        "name",
        "seconds",
        "session_id",
        "speaker",
        "told_agent",
        "trace_id",
    )

    def __init__(self, said: Said, *, is_run: bool, speaker: int, error: str | None) -> None:
        self.trace_id = said.trace_id
        self.key = said.key
        self.conversation = said.conversation
        self.is_run = is_run
        self.name = said.name
        self.seconds = (said.end_ns - said.start_ns) / 1e9
        self.speaker = speaker
        self.error = error
        self.session_id: str | None = None
        self.told_agent = said.agent_name

    def tell(self, session_id: str | None, agent_name: str | None) -> Run:
        """Settle where it belongs."""
        self.session_id = session_id
        return self
