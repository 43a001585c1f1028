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
from otel_agent_telemetry.meaning import _dialects as dialects
from otel_agent_telemetry.meaning import _facts as facts
from otel_agent_telemetry.meaning._branch import Turn
from otel_agent_telemetry.meaning._calls import ModelCall

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._branch import Branch
    from otel_agent_telemetry.meaning._records import SpanRecord


def turn_of(record: SpanRecord, kind: str, branch: Branch) -> Turn:
    """The run or workflow that a span ends, with everything below it."""
    row = dialects.WORKFLOW_NAME if kind is dialects.WORKFLOW else dialects.AGENT_NAME
    name = dialects.text(record.attributes, row)
    turn = Turn(record, branch, name)
    if kind is dialects.AGENT:
        _name_calls(branch, name)
        _add_own_usage(record, branch, turn)
    nearest = [child for child in branch.turns if not child.is_in_tool]
    same = [child for child in nearest if name is not None and child.name == name]
    # A workflow below is no agent: what it calls is called by the agent around it.
    turn.has_calls = turn.has_calls or any(child.has_calls for child in nearest if not child.is_run)
    turn.is_run = kind is dialects.AGENT and (turn.has_calls or not nearest or any(child.is_run for child in same))
    _absorb(branch, turn, same)
    _fail(record, turn, nearest)
    if turn.is_run:
        turn.totals.runs += max(1 - sum(child.is_run for child in same), 0)
    else:
        _be_workflow(record, turn, nearest)
    return turn


def _name_calls(branch: Branch, name: str | None) -> None:
    for call in branch.held:
        call.agent_name = call.agent_name or name


def _add_own_usage(record: SpanRecord, branch: Branch, turn: Turn) -> None:
    """The agent span's own figure counts only where nothing below it was counted."""
    if branch.is_metered or branch.calls.model_calls or any(_is_metered(child) for child in branch.turns):
        return
    usage = dialects.agent_usage(record.attributes)
    call = None if usage is None else ModelCall(record, usage, turn.conversation, calls=0)
    if call is not None and call.has_usage:
        branch.add(call)
        branch.is_metered = True
        turn.has_own_usage = True


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


def _fail(record: SpanRecord, turn: Turn, nearest: list[Turn]) -> None:
    error = facts.error_of(record)
    if error is None and not turn.has_calls and nearest:
        # Roots that only start agents stay without error when the agent fails; the last one tells how it ended.
        error = max(nearest, key=lambda child: child.end_ns).error
    turn.error = turn.totals.cause(error)


def _be_workflow(record: SpanRecord, turn: Turn, nearest: list[Turn]) -> None:
    if semconv.AGENT_WORKFLOW_ID not in record.attributes:  # ours told when it began
        turn.facts.append(facts.workflow_started(record, turn.name))
    if record.attributes.get(semconv.AGENT_OUTCOME) not in facts.UNSAID:
        turn.facts.append(facts.workflow_ended(record, turn.name, turn.error))
    if nearest:
        first = min(nearest, key=lambda child: child.start_ns)
        turn.harness = turn.harness or first.harness
        turn.agent_id = turn.agent_id or first.agent_id
        turn.agent_name = turn.agent_name or first.agent_name
