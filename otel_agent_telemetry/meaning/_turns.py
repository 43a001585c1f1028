"""Which agent spans are a run, which are the same run seen twice, and which only orchestrate others.

One run often has two spans (OpenLLMetry: ``invoke_agent`` and below it the ``.workflow``), and some roots call
themselves an agent that only starts agents (openai-agents, ADK's SequentialAgent). Two rules tell them apart:

1. An agent span right above another of the same name, no tool between, is the same run; so is a workflow right above a
   workflow of the same name.
2. An agent span with agents below it and no model or tool call of its own orchestrates them: a workflow, not a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _facts as facts
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._branch import Totals, Turn, price
from otel_agent_telemetry.meaning._calls import ModelCall, Run
from otel_agent_telemetry.meaning._outcomes import CANCELLED

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._branch import Branch
    from otel_agent_telemetry.meaning._said import Said


def turn_of(said: Said, branch: Branch) -> Turn:
    """The run or workflow that a span ends, with everything below it."""
    branch.adopt()
    turn = Turn(said, branch)
    if said.kind == kinds.AGENT:
        _name_calls(branch, turn.name)
        _add_own_usage(said, branch, turn)
    nearest = [child for child in branch.turns if not child.is_in_tool]
    same = [child for child in nearest if turn.name is not None and child.name == turn.name]
    # A workflow below is no agent: what it calls is called by the agent around it.
    turn.has_calls = turn.has_calls or any(child.has_calls for child in nearest if not child.is_run)
    turn.is_run = said.kind == kinds.AGENT and (turn.has_calls or not nearest or any(child.is_run for child in same))
    _absorb(branch, turn, same)
    _fail(said, turn, nearest)
    runs = max(1 - sum(child.is_run for child in same), 0) if turn.is_run else 0
    turn.totals.runs += runs
    if not turn.is_run:
        _be_workflow(said, turn, nearest)
    speaker = next((child.key for child in same if child.is_run), 0) if turn.is_run and not runs else 0
    for child in same:
        if not (child.is_run or turn.is_run):  # a workflow right above it tells for both
            child.verdict.speaker = turn.key
    turn.verdict = Run(said, is_run=turn.is_run, speaker=speaker, error=turn.error)
    turn.held.append(turn.verdict)
    return turn


def _name_calls(branch: Branch, name: str | None) -> None:
    for call in branch.held:
        call.agent_name = call.agent_name or name


def _add_own_usage(said: Said, branch: Branch, turn: Turn) -> None:
    """Of the agent span's own figures those count that nothing below it says."""
    own = None if said.is_cumulative else ModelCall(said, calls=0)
    if own is None or not own.has_figures:
        return
    below = Totals()
    below.add(branch.calls)
    for child in branch.turns:
        below.add(child.totals)
    rest = own.beyond(below) if below.has_figures or below.model_calls else own
    if rest is not None:
        rest.price()
        price((*turn.held, *(call for child in branch.turns for call in child.held)), rest)
        branch.add(rest)
        turn.held.append(rest)
        branch.is_metered = branch.is_metered or rest.has_usage
        turn.has_own_usage = rest.has_usage


def _is_metered(turn: Turn) -> bool:
    return turn.is_metered or turn.totals.model_calls > 0


def _absorb(branch: Branch, turn: Turn, same: list[Turn]) -> None:
    for child in branch.turns:
        turn.totals.add(child.totals)
        turn.held += child.held
        turn.sessions += child.sessions
        turn.conversation = turn.conversation or child.conversation
        turn.is_metered = turn.is_metered or _is_metered(child)
        if child.is_run or turn.is_run or child not in same:
            turn.facts += child.facts
    turn.is_metered = turn.is_metered or branch.is_metered or branch.calls.model_calls > 0


def _fail(said: Said, turn: Turn, nearest: list[Turn]) -> None:
    error = said.error
    if said.is_left and error is None and turn.totals.errors[-1:] == [CANCELLED]:
        error = CANCELLED  # its reader went away in the middle of an answer
    if error is None and not turn.has_calls and nearest:
        # Roots that only start agents stay without error when the agent fails; the last one tells how it ended.
        error = max(nearest, key=lambda child: child.end_ns).error
    turn.error = turn.totals.cause(error)


def _be_workflow(said: Said, turn: Turn, nearest: list[Turn]) -> None:
    if semconv.AGENT_WORKFLOW_ID not in said.attributes:  # ours told when it began
        turn.facts.append(facts.workflow_started(said))
    if said.outcome not in facts.UNSAID:
        turn.facts.append(facts.workflow_ended(said, turn.error))
    if nearest:
        first = min(nearest, key=lambda child: child.start_ns)
        turn.harness = turn.harness or first.harness
        turn.agent_id = turn.agent_id or first.agent_id
        turn.agent_name = turn.agent_name or first.agent_name
