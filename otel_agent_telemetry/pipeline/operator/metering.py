"""What happened, as metrics of the operator: each call, run, task and session once, whichever spans tell of it.

Names, units and buckets: OpenTelemetry's semantic-conventions-genai, as of November 2026; what it has no name for yet
(cost, task, session) is under ``agent.``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import metrics

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.lifecycle._meter import DURATION_BUCKETS
from otel_agent_telemetry.meaning._calls import ModelCall, Run, ToolCall
from otel_agent_telemetry.meaning._properties import TOKENS
from otel_agent_telemetry.meaning._records import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Counter, Histogram

    from otel_agent_telemetry.meaning._verdicts import Told

__all__ = ["OperatorMeter"]


_TOKENS = {field: names.USAGE_COUNTERS[name] for name, field in TOKENS.items()}
_TASK_OUTCOMES = {
    "task.completed": names.OUTCOME_OK,
    "task.failed": names.OUTCOME_ERROR,
    "task.cancelled": names.OUTCOME_CANCELLED,
    "task.superseded": names.OUTCOME_SUPERSEDED,
}


class OperatorMeter:
    """The operator's instruments, and what they say of verdicts. Errors are categories of the contract."""

    def __init__(self) -> None:
        meter = metrics.get_meter("otel_agent_telemetry")

        def seconds(name: str, description: str) -> Histogram:
            return meter.create_histogram(
                name, unit="s", description=description, explicit_bucket_boundaries_advisory=DURATION_BUCKETS
            )

        self._calls = seconds(names.METRIC_INFERENCE_DURATION, "Duration of model calls")
        self._first_chunks = seconds(names.METRIC_FIRST_CHUNK, "Time to the first chunk of streamed answers")
        self._runs = seconds(names.METRIC_AGENT_DURATION, "Duration of agent runs")
        self._workflows = seconds(names.METRIC_WORKFLOW_DURATION, "Duration of workflows")
        self._tools = seconds(names.METRIC_TOOL_DURATION, "Duration of tool calls")
        self._sessions = seconds(names.METRIC_SESSION_DURATION, "Duration of sessions")
        self._tasks = seconds(names.METRIC_TASK_DURATION, "Duration of tasks, from their creation to their end")
        self._tokens: dict[str, Counter] = {
            field: meter.create_counter(name, unit="{token}", description=f"Model calls: {field.replace('_', ' ')}")
            for field, name in _TOKENS.items()
        }
        self._cost = meter.create_counter(
            names.USAGE_COUNTERS["costUsd"], unit="{USD}", description="What model calls cost, in US dollars"
        )
        self._unpriced = meter.create_counter(
            names.USAGE_COUNTERS["guessUnpriced"], unit="{call}", description="Model calls of unknown cost"
        )

    def observe(self, told: list[Told]) -> None:
        """Record what these verdicts say."""
        for item in told:
            if isinstance(item, ModelCall):
                self._call(item)
            elif isinstance(item, ToolCall):
                about = {names.GEN_AI_TOOL_NAME: item.name, names.GEN_AI_AGENT_NAME: item.told_agent}
                seconds = (item.occurred_ns - item.start_ns) / 1e9
                _record(self._tools, seconds, about, item.error)
            elif isinstance(item, Run):
                if not item.speaker:
                    self._run(item)
            elif isinstance(item, Fact):
                self._fact(item)

    def _call(self, call: ModelCall) -> None:
        about = {
            names.GEN_AI_OPERATION_NAME: call.operation,
            names.GEN_AI_PROVIDER_NAME: call.provider,
            names.GEN_AI_RESPONSE_MODEL: call.model,
            names.GEN_AI_AGENT_NAME: call.told_agent,
        }
        if call.calls:
            _record(self._calls, call.seconds, about, call.error)
            if call.first_chunk_seconds is not None:
                _record(self._first_chunks, call.first_chunk_seconds, about, None)
        known = _known(about)
        for field, counter in self._tokens.items():
            number = getattr(call, field)
            if number:
                counter.add(number, known)
        guess = call.guess
        for usd, is_estimate in ((call.cost_usd, False), (guess.usd, True)):
            if usd is not None and usd > 0:
                self._cost.add(usd, {**known, names.AGENT_COST_IS_ESTIMATE: is_estimate})
        if guess.unpriced > 0:
            self._unpriced.add(guess.unpriced, known)

    def _run(self, run: Run) -> None:
        if run.is_run:
            _record(self._runs, run.seconds, {names.GEN_AI_AGENT_NAME: run.told_agent}, run.error)
        else:
            _record(self._workflows, run.seconds, {names.GEN_AI_WORKFLOW_NAME: run.name}, run.error)

    def _fact(self, fact: Fact) -> None:
        given = fact.properties
        took, error = given.get("durationMs"), given.get("errorCategory")
        if not isinstance(took, (int, float)):
            return
        if fact.event == "session.ended":
            outcome = names.OUTCOME_OK if given.get("isSuccess") else names.OUTCOME_ERROR
            about = {names.GEN_AI_AGENT_NAME: given.get("agentName"), names.AGENT_OUTCOME: outcome}
            _record(self._sessions, took / 1e3, about, None)
        elif fact.event == "tool.called":
            about = {
                names.GEN_AI_TOOL_NAME: given.get("toolName"),
                names.GEN_AI_AGENT_NAME: given.get("agentName"),
            }
            _record(self._tools, took / 1e3, about, error)
        elif (outcome := _TASK_OUTCOMES.get(fact.event)) is not None:
            about = {names.AGENT_OUTCOME: outcome, names.AGENT_TASK_SOURCE: given.get("source")}
            _record(self._tasks, took / 1e3, about, error)


def _record(histogram: Histogram, seconds: float, about: Mapping[str, object], error: object) -> None:
    histogram.record(max(seconds, 0.0), _known({**about, names.ERROR_TYPE: error}))


def _known(about: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in about.items() if isinstance(value, str)}
