"""The facts of sessions, tasks, commands and workflows, from what is known when they begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning._costs import spent
from otel_agent_telemetry.meaning._outcomes import CANCELLED
from otel_agent_telemetry.meaning._properties import (
    COMMAND,
    CREATED,
    HARNESS,
    SESSION,
    SESSION_OF_TASK,
    TASK,
    TOKENS,
    WORKFLOW,
    WORKFLOW_ENDED,
    WORKFLOW_STARTED,
)
from otel_agent_telemetry.meaning._records import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_agent_telemetry.meaning._branch import Totals, Turn
    from otel_agent_telemetry.meaning._said import Said

_NS_PER_MS = 1_000_000

UNSAID = frozenset({semconv.OUTCOME_RETRIED, semconv.OUTCOME_ABANDONED})


def fact(event: str, occurred_ns: int, properties: Mapping[str, object], key: int = 0) -> Fact:
    """A fact with the properties that are known; ``key`` is the span that it is about."""
    return Fact(event, {name: value for name, value in properties.items() if value is not None}, occurred_ns, key)


def milliseconds(start_ns: int, end_ns: int) -> int:
    """The time between two moments."""
    return max(end_ns - start_ns, 0) // _NS_PER_MS


def about(attributes: Mapping[str, object], task: Mapping[str, object] | None = None) -> dict[str, object]:
    """Who a session is, from the attributes of its span and of the task around: the properties of its start."""
    properties = _read(attributes, SESSION)
    properties["agentId"] = properties["agentId"] or properties["agentName"]
    if task is not None:
        properties["taskId"] = properties["taskId"] or task.get(semconv.AGENT_TASK_ID)
    return properties


class Ended(NamedTuple):
    """How a session ended: the span that says so, what it adds up to, its times, and its error's category, if any."""

    key: int
    totals: Totals
    start_ns: int
    end_ns: int
    error: str | None

    @property
    def duration_ms(self) -> int:
        """How long it was open."""
        return milliseconds(self.start_ns, self.end_ns)


def session_ended(session: Mapping[str, object], ended: Ended) -> Iterator[Fact]:
    """``session.ended``, ``session.cost`` where anything was used, ``session.failure`` where an error ended it.

    ``session`` is what :func:`about` gives.
    """
    totals, error, end_ns = ended.totals, ended.error, ended.end_ns
    tokens = {name: getattr(totals, field) for name, field in TOKENS.items()}
    usd, is_estimate = spent(totals.cost_usd, totals.guess)
    cost_of = {"totalCostUsd": usd, "costIsEstimate": True if is_estimate else None}
    used = totals.input_tokens is not None or totals.output_tokens is not None
    properties: dict[str, object] = {
        "agentId": session["agentId"],
        "durationMs": ended.duration_ms,
        "tasksProcessed": totals.tasks,
        "taskId": session["taskId"],
        "sessionId": session["sessionId"],
        "agentName": session["agentName"],
        "isSuccess": error is None,
        "agentRuns": totals.runs,
        "toolCalls": totals.tool_calls,
        "modelCalls": totals.model_calls,
        "errorCount": totals.error_count,
        **tokens,
        "totalTokens": (totals.input_tokens or 0) + (totals.output_tokens or 0) if used else None,
        **cost_of,
        "errors": list(totals.errors),
    }
    yield fact("session.ended", end_ns, properties, ended.key)
    run = {
        "agentId": session["agentId"],
        "model": session["model"] or totals.model,
        "provider": session["harnessProvider"] or totals.provider,
        "durationMs": ended.duration_ms,
        "sessionId": session["sessionId"],
    }
    if used or totals.cost_usd is not None:
        cost = {
            **run,
            **tokens,
            **cost_of,
            "numTurns": totals.model_calls,
            "isError": error is not None,
        }
        yield fact("session.cost", end_ns, cost)
    if error is not None and error != CANCELLED:
        limited = error == "rate_limit"
        yield fact("session.failure", end_ns, {**run, "errorCategory": error, "wasRateLimited": limited})


def task_session(session: Mapping[str, object], ended: Ended, agent: object) -> Fact:
    """``task.session_completed``: the session that works on a task ended. ``agent`` is whom the task knows."""
    properties = {
        "taskId": session["taskId"],
        "agentId": session["agentId"] or agent,
        "provider": session["harnessProvider"] or ended.totals.provider,
        "model": session["model"] or ended.totals.model,
        "harnessVariant": session.get("harnessVariant"),
        "harnessVersion": session.get("harnessVersion"),
        "exitCode": session.get("exitCode"),
        "isError": ended.error is not None,
        "durationMs": ended.duration_ms,
    }
    return fact("task.session_completed", ended.end_ns, properties)


def task_started(said: Said, agent: object) -> Iterator[Fact]:
    """``task.started``, and before it ``task.created`` and ``task.claimed`` where this span stands for them too.

    ``agent`` is who works on it, as far as that is known.
    """
    attributes, now = said.attributes, said.start_ns
    attempt = attributes.get(semconv.AGENT_TASK_ATTEMPT)
    if isinstance(attempt, int) and attempt > 1:  # the first attempt said it
        return
    begun = {**_read(attributes, TASK), "agentId": agent}
    if attributes.get(semconv.AGENT_TASK_CREATED) is True:
        yield fact("task.created", now, _read(attributes, CREATED))
    if attributes.get(semconv.AGENT_TASK_CLAIMED) is True:
        yield fact("task.claimed", now, begun)
    yield fact("task.started", now, begun)


def task_ended(said: Said, agent: object) -> Iterator[Fact]:
    """How the task of ``agent`` ended; nothing where its span does not say the last word on it."""
    attributes, outcome, error = said.attributes, said.outcome, said.error
    if outcome in UNSAID:
        return
    created_ms = attributes.get(semconv.AGENT_TASK_CREATED_AT)
    since_ns = created_ms * _NS_PER_MS if isinstance(created_ms, int) else said.start_ns
    properties = {
        **_read(attributes, TASK),
        "agentId": agent,
        "durationMs": milliseconds(since_ns, said.end_ns),
    }
    if outcome == semconv.OUTCOME_CANCELLED:
        yield fact("task.cancelled", said.end_ns, {**properties, "previousStatus": "in_progress"})
        return
    properties = {**properties, **_read(attributes, HARNESS)}
    if outcome == semconv.OUTCOME_SUPERSEDED:
        yield fact("task.superseded", said.end_ns, properties)
    elif error is not None:
        yield fact("task.failed", said.end_ns, {**properties, "errorCategory": error})
    else:
        yield fact("task.completed", said.end_ns, properties)


def prompt(turn: Turn) -> Iterator[Fact]:
    """What was asked of a coding agent is a task: when it began, and how it ended."""
    task = {"taskId": turn.task or f"{turn.key:032x}", "agentId": turn.agent_id}
    yield fact("task.started", turn.start_ns, task)
    duration = {"durationMs": milliseconds(turn.start_ns, turn.end_ns)}
    if turn.error == CANCELLED:
        yield fact("task.cancelled", turn.end_ns, {**task, **duration, "previousStatus": "in_progress"})
    elif turn.error is not None:
        failed = {"provider": turn.harness, "errorCategory": turn.error}
        yield fact("task.failed", turn.end_ns, {**task, **duration, **failed})
    else:
        yield fact("task.completed", turn.end_ns, {**task, **duration, "provider": turn.harness})


def command_ended(said: Said) -> Fact:
    """``command.executed``."""
    error = said.error
    properties = {
        "command": _command(said.attributes),
        "isSuccess": error is None,
        "durationMs": milliseconds(said.start_ns, said.end_ns),
        "exitCode": said.attributes.get(COMMAND["exitCode"]),
        "errorCategory": error,
    }
    return fact("command.executed", said.end_ns, properties)


def _command(attributes: Mapping[str, object]) -> object:
    """The command's path without the program, which everybody may call as he likes; of the program itself its name."""
    name, program = attributes.get(COMMAND["command"]), attributes.get(semconv.AGENT_COMMAND_PROGRAM)
    if isinstance(name, str) and isinstance(program, str):
        return name.removeprefix(f"{program} ")
    return name


def workflow_started(said: Said) -> Fact:
    """``workflow.started``."""
    properties = {"workflowId": _workflow_id(said), **_read(said.attributes, WORKFLOW_STARTED)}
    return fact("workflow.started", said.start_ns, properties)


def workflow_ended(said: Said, error: str | None) -> Fact:
    """``workflow.completed`` or ``workflow.failed``."""
    properties = {
        "workflowId": _workflow_id(said),
        "durationMs": milliseconds(said.start_ns, said.end_ns),
        **_read(said.attributes, WORKFLOW_ENDED),
    }
    return fact("workflow.completed" if error is None else "workflow.failed", said.end_ns, properties)


def agent_of(attributes: Mapping[str, object]) -> object:
    """The agent that a span of ours names, by id or by name."""
    return attributes.get(semconv.GEN_AI_AGENT_ID) or attributes.get(semconv.GEN_AI_AGENT_NAME)


def harness_of(attributes: Mapping[str, object]) -> dict[str, object]:
    """The harness as a session's or task's span names it."""
    return _read(attributes, SESSION_OF_TASK)


def _workflow_id(said: Said) -> object:
    # A workflow that is known by name alone is the same one in every run; the reference to it is hashed like any id.
    return said.attributes.get(WORKFLOW["workflowId"]) or said.name or f"{said.key:032x}"


def _read(attributes: Mapping[str, object], keys: Mapping[str, str]) -> dict[str, object]:
    return {name: attributes.get(key) for name, key in keys.items()}
