"""The spans of a forest, as the instrumentations that looked on would have written them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.agreement import dialects
from tests.agreement.forest import Call, Forest, Run, Tool
from tests.agreement.written_spans import span

if TYPE_CHECKING:
    from tests.agreement.dialects import Attributes, Tokens

_BLOCK = 100
"""How long an attempt takes, with all the spans around it."""
_APART = 100_000
"""Traces of spans that are roots although somebody called them."""


def spans(forest: Forest) -> list[dict[str, Any]]:
    """The spans, in the order in which they were written down."""
    rendering = _Rendering(forest)
    for conversation, trace, run in forest.turns():
        rendering.turn(conversation, trace, run)
    return rendering.spans


class _Rendering:
    def __init__(self, forest: Forest) -> None:
        self.spans: list[dict[str, Any]] = []
        self._forest = forest
        self._setup = forest.setup
        self._trace = 0
        self._number = 0
        self._responses = 0
        self._now = 0.0
        self._tree = 0  # the parent of what an instrumentation with a tree of its own writes

    def turn(self, conversation: int, trace: int, run: Run) -> None:
        setup = self._setup
        self._trace, self._now = trace, self._now + 10
        self._number = 0 if setup.is_seeded else self._number
        root, began = self._take(), self._now
        self._tree = self._take() if self._has_trees else root
        session = self._forest.session(conversation, trace)
        top = self._take() if setup.dialect == "ours" else root
        around = self._take() if setup.has_workflow else top
        names_itself = setup.names_conversation and setup.dialect != "ours"
        self._run(run, around, session if names_itself else None)
        if around != top:
            self._write(around, top, (began + 2, self._now), dialects.workflow(), "new")
        if top != root:
            self._write(top, root, (began + 1, self._now), dialects.session(run.name, session), "ours")
        if self._tree != root:
            self._write(self._tree, root, (began + 1, self._now), dialects.chain(None), "twin")
        self._write(root, 0, (began, self._now + 1), {}, "web")

    def _run(self, run: Run, parent: int, conversation: str | None) -> None:
        setup, dialect = self._setup, self._setup.dialect
        used = _used(run) if setup.repeats else None
        self._now += 3
        own, began = self._take(), self._now
        below = self._take() if setup.twice else own
        inner = self._take() if setup.chains else below
        self._now += 5
        self._steps(run, inner)
        self._now += 5
        if inner != below:
            self._write(inner, below, (began + 2, self._now - 2), dialects.chain(used), "twin")
        attributes = {**dialects.run(dialect, run.name, conversation), **dialects.tokens(dialect, used)}
        if below != own:
            self._write(below, own, (began + 1, self._now - 1), attributes, dialect)
        self._write(own, parent, (began, self._now), attributes, dialect)

    def _steps(self, run: Run, parent: int) -> None:
        calls = [step for step in run.steps if isinstance(step, Call)]
        if run.is_parallel and len(calls) == len(run.steps):
            began, ended = self._now, self._now
            for number, call in enumerate(calls):
                self._now = began + number
                self._call(call, parent, is_alone=False)
                ended = max(ended, self._now)
            self._now = ended + 1
            return
        for step in run.steps:
            if isinstance(step, Call):
                self._call(step, parent, is_alone=True)
            else:
                self._tool(step, parent)

    # Model calls --------------------------------------------------------------------------------------------------

    def _call(self, call: Call, parent: int, *, is_alone: bool) -> None:
        outcomes = [False] * call.failed + [True] * call.is_answered
        if self._setup.seen != "around attempts":
            for is_answered in outcomes:
                self._attempt(call, parent, is_answered=is_answered, is_alone=is_alone)
            return
        router, began = self._take(), self._now
        self._now += 2
        for is_answered in outcomes:
            self._attempt(call, router, is_answered=is_answered, is_alone=is_alone)
        self._now += 2
        attributes = dialects.call("new", (call.given, call.made) if call.is_answered else None)
        self._write(router, parent, (began, self._now), attributes, "router", is_error=not call.is_answered)

    def _attempt(self, call: Call, parent: int, *, is_answered: bool, is_alone: bool) -> None:
        setup, seen, began = self._setup, self._setup.seen, self._now
        used = (call.given, call.made) if is_answered else None
        response = self._response(is_alone=is_alone) if is_answered else None
        on_first = response if setup.ids in {"all", "few"} else None
        outer = self._take()
        if seen.startswith("around the client"):
            inner = None if seen.endswith("no tokens") else used
            told = dialects.call("new", inner, response)
            self._write(self._take(), outer, (began + 10, began + 90), told, "client", is_error=not is_answered)
        framework = None if seen.endswith("alone knows tokens") else used
        told = dialects.call(setup.dialect, framework, on_first)
        self._write(outer, parent, (began + 5, began + 95), told, setup.dialect, is_error=not is_answered)
        if "beside" in seen:
            self._beside(used, response, began, parent)
        self._now = began + _BLOCK

    def _beside(self, used: Tokens, response: str | None, began: float, parent: int) -> None:
        told = dialects.call(self._twin, used, response)
        if not self._setup.seen.endswith("trace of its own"):
            above = self._tree if self._has_trees else parent
            self._write(self._take(), above, (began + 7, began + 93), told, self._twin_scope, is_error=used is None)
            return
        turn, self._trace = self._trace, _APART + len(self.spans)
        self._write(self._take(), 0, (began + 7, began + 93), told, self._twin_scope, is_error=used is None)
        self._trace = turn

    @property
    def _has_trees(self) -> bool:
        return self._setup.seen.endswith(("tree of its own", "and beside"))

    @property
    def _twin(self) -> str:
        """The dialect of a second instrumentation: another than the first one's."""
        return "traceloop" if self._setup.dialect == "openinference" else "openinference"

    @property
    def _twin_scope(self) -> str:
        return "other twin" if self._twin == "traceloop" else "twin"

    def _response(self, *, is_alone: bool) -> str | None:
        if self._setup.ids == "none":
            return None
        self._responses += 1
        few = self._setup.ids == "few" and is_alone
        return f"chatcmpl-{self._responses % 2}" if few else f"resp-{self._responses}"

    # Tools --------------------------------------------------------------------------------------------------------

    def _tool(self, tool: Tool, parent: int) -> None:
        mcp = self._setup.mcp if tool.run is None else "none"
        name = tool.name if mcp in {"none", "client and server"} else f"srv_{tool.name}"
        own, began = self._take(), self._now
        self._now += 10
        if tool.run is not None:
            self._run(tool.run, own, None)
        self._now += 10
        if mcp != "none":
            self._mcp(tool, parent if mcp == "server beside" else own, began, has_client=mcp == "client and server")
            self._now = began + _BLOCK
        told = dialects.tool(self._setup.dialect, name)
        self._write(own, parent, (began, self._now), told, self._setup.dialect, is_error=tool.is_failed)
        if self._has_trees:
            told = dialects.tool(self._twin, name)
            scope = self._twin_scope
            self._write(self._take(), self._tree, (began + 1, self._now - 1), told, scope, is_error=tool.is_failed)
        self._now += 1

    def _mcp(self, tool: Tool, parent: int, began: float, *, has_client: bool) -> None:
        above = self._take() if has_client else parent
        if has_client:
            self._write(above, parent, (began + 20, began + 80), dialects.mcp(tool.name), "mcp client")
        told = dialects.mcp(tool.name)
        self._write(self._take(), above, (began + 30, began + 70), told, "mcp server", is_error=tool.is_failed)

    # Spans --------------------------------------------------------------------------------------------------------

    def _take(self) -> int:
        self._number += 1
        return self._number

    def _write(
        self,
        number: int,
        parent: int,
        time: tuple[float, float],
        attributes: Attributes,
        scope: str,
        *,
        is_error: bool = False,
    ) -> None:
        error = "openai.APIStatusError" if is_error else None
        written = span(number, *time, attributes, parent=parent, trace=self._trace, error=error)
        self.spans.append({**written, "scope": dialects.SCOPES[scope]})


def _used(run: Run) -> Tokens:
    """What the calls of a run and of the runs below it used."""
    answered = [step for step in run.all_steps() if isinstance(step, Call) and step.is_answered]
    return (sum(call.given for call in answered), sum(call.made for call in answered)) if answered else None
