"""The views that people ask in SQL: a contract. Columns are only ever added.

They say what the store's verdicts say: a figure that is spent on one span and repeated on another stands once, on the
former, so that every ``sum`` over a view is right. Ids are lower-case hex, times ISO 8601 in UTC and nanoseconds since
the epoch, durations milliseconds, costs US dollars.
"""

from __future__ import annotations

from typing import NamedTuple

from otel_agent_telemetry.local.store._spending import SPENDING

__all__ = ["VIEWS", "Field", "View"]


class Field(NamedTuple):
    """A column: its name, what it is in the store's own terms, and what it says."""

    name: str
    expression: str
    meaning: str


class View(NamedTuple):
    """A view: its name, what a row is, its columns, and the rest of its statement."""

    name: str
    row: str
    fields: tuple[Field, ...]
    source: str

    def statement(self) -> str:
        """What selects it of the store's tables."""
        columns = ", ".join(f'{field.expression} AS "{field.name}"' for field in self.fields)
        return f"SELECT {columns} FROM {self.source}"


def _hex(column: str) -> str:
    return f"lower(hex({column}))"


def _span_id(column: str) -> str:
    return f"CASE WHEN {column} THEN printf('%016x', {column}) END"


def _period(table: str) -> tuple[Field, ...]:
    start, end = f"{table}.start_ns", f"{table}.end_ns"
    return (
        Field("start_time", f"iso_time({start})", "when it began, ISO 8601 in UTC"),
        Field("end_time", f"iso_time(nullif({end}, 0))", "when it ended; null where it has not"),
        Field("start_ns", start, "when it began, nanoseconds since the epoch"),
        Field("end_ns", f"nullif({end}, 0)", "when it ended, nanoseconds since the epoch"),
        Field("duration_ms", f"max({end} - {start}, 0) / 1e6", "how long it took, milliseconds"),
    )


_SPENT_BITS = {"input": 1, "output": 2, "cache_read": 4, "cache_write": 8, "reasoning": 16}
_PRICED = (
    "steps.model, steps.provider, steps.spends, steps.input, steps.output, steps.cache_read, steps.cache_write, "
    "steps.cost"
)
_COST = f"CASE WHEN steps.spends & 32 THEN steps.cost WHEN steps.spends & 3 THEN cost_usd({_PRICED}) END"
_SPENT = (
    *(
        Field(
            f"{name}_tokens",
            f"CASE WHEN steps.spends & {bit} THEN steps.{name} END",
            f"{name.replace('_', ' ')} tokens that are spent here, not only repeated",
        )
        for name, bit in _SPENT_BITS.items()
    ),
    Field("cost_usd", _COST, "what it cost, reported or from a price list; null where nobody knows"),
    Field("cost_is_estimate", f"cost_is_estimate({_PRICED})", "1 where the cost is from a price list"),
)
_SUMS = (
    Field("input_tokens", "traces.input", "input tokens, each once"),
    Field("output_tokens", "traces.output", "output tokens, each once"),
)
_STATUS = (
    "CASE WHEN steps.outcome IN ('cancelled', 'superseded') THEN steps.outcome WHEN steps.outcome = 'ok' THEN 'ok' "
    "WHEN spans.status = 2 OR steps.outcome = 'error' THEN 'error' ELSE 'ok' END"
)
_COUNTED = "CASE WHEN coalesce(steps.kind, 'other') = 'other' THEN 1 ELSE steps.counted END"
_OF_SPAN = (
    Field("trace_id", _hex("traces.trace_id"), "the trace, 32 hex digits"),
    Field("span_id", _span_id("spans.span_id"), "the span, 16 hex digits"),
    Field("parent_span_id", _span_id("spans.parent_id"), "the span above it; null at a root"),
    Field("name", "spans.name", "its name"),
    Field("service", "origins.service", "`service.name` of its resource"),
)
_ON_STEP = (
    Field("model", "steps.model", "the model that answered"),
    Field("provider", "steps.provider", "`gen_ai.provider.name`"),
    Field("agent", "steps.agent", "the agent at work"),
    Field("session", "steps.session", "the session or conversation, else the trace's id"),
)
_USER = Field("user", "steps.user", "for whom: `user.id` of the span, of one above it, or of the resource")
_SPAN = (
    *_OF_SPAN,
    Field("scope", "origins.scope", "the instrumentation that made it"),
    *_period("spans"),
    Field("kind", "CASE WHEN steps.kind != 'other' THEN steps.kind END", "what it is to an agent, such as `tool`"),
    *_ON_STEP,
    Field("tool", "steps.tool", "the tool that was called"),
    Field("status", _STATUS, "`ok`, `error`, `cancelled` or `superseded`"),
    Field("outcome", "steps.outcome", "how the work ended, where the span says so"),
    Field(
        "error_type",
        "CASE WHEN spans.status = 2 THEN error_type(spans.body) END",
        "`error.type`, or what stands for it",
    ),
    Field(
        "error_message",
        "CASE WHEN spans.status = 2 THEN error_message(spans.body, origins.harness) END",
        "message of the failure",
    ),
    Field("counted", _COUNTED, "0 for a span that repeats what another one reports"),
    Field("repeats", _span_id("speakers.span_id"), "`span_id` of the span that it repeats"),
    *_SPENT,
    Field("attributes", "span_attributes(spans.body, origins.harness)", "its attributes, a JSON object"),
    Field("events", "span_events(spans.body, origins.harness)", "its events, a JSON array"),
    Field("resource", "resource_attributes(origins.resource, origins.harness)", "its resource, a JSON object"),
    _USER,
)
# one trace's spans are what is asked for most, and no index knows an id as text: its row is found first
_SPANS_SOURCE = """main.traces AS traces CROSS JOIN main.spans AS spans ON traces.id = spans.trace
JOIN main.origins AS origins ON origins.id = spans.origin LEFT JOIN main.steps AS steps ON steps.id = spans.id
LEFT JOIN main.spans AS speakers ON speakers.id = steps.speaker"""
_STEPS_SOURCE = """main.steps AS steps JOIN main.spans AS spans ON spans.id = steps.id
JOIN main.traces AS traces ON traces.id = spans.trace JOIN main.origins AS origins ON origins.id = spans.origin"""
_FAILED = Field("error_type", "CASE WHEN steps.counted THEN steps.error END", "what failed; null where nothing did")
_SPAN_JSON = next(field for field in _SPAN if field.name == "attributes")

_MODEL_CALL = (
    *_OF_SPAN,
    *_period("steps"),
    Field("kind", "steps.kind", "`model` or `embedding`; else a span that reports use without calls below it"),
    *_ON_STEP,
    Field("calls", "steps.kind = 'model' AND steps.counted", "1 for a call, 0 for a row that only spends: sum it"),
    _FAILED,
    *_SPENT,
    Field("response_id", "steps.response_id", "`gen_ai.response.id`"),
    _SPAN_JSON,
    _USER,
)
_TOOL_CALL = (
    *_OF_SPAN,
    *_period("steps"),
    Field("tool", "steps.tool", "the tool's name"),
    Field("call_id", "steps.call_id", "`gen_ai.tool.call.id`"),
    Field("agent", "steps.agent", "the agent that called it"),
    Field("session", "steps.session", "the session or conversation, else the trace's id"),
    _FAILED,
    _SPAN_JSON,
    _USER,
)
# as the keeper stored it, else worked out now
_SESSION_COST = f"""sum(CASE WHEN attendances.stamp = (SELECT price_stamp()) THEN attendances.usd ELSE (
SELECT sum({_COST}) FROM main.steps AS steps
WHERE steps.trace = attendances.trace AND steps.session = attendances.session AND {SPENDING}) END)"""
_SESSION = (
    Field("session", "attendances.session", "the session's id"),
    Field("agent", "max(attendances.agent)", "its agent"),
    Field("service", "max(traces.service)", "a service that took part"),
    Field("start_time", "iso_time(min(attendances.start_ns))", "when it began, ISO 8601 in UTC"),
    Field("end_time", "iso_time(max(attendances.end_ns))", "when it was last heard of, ISO 8601 in UTC"),
    Field("start_ns", "min(attendances.start_ns)", "when it began, nanoseconds since the epoch"),
    Field("end_ns", "max(attendances.end_ns)", "when it was last heard of, nanoseconds since the epoch"),
    Field("traces", "count(*)", "traces that it took part in"),
    Field("errors", "sum(attendances.errors)", "failures, each once"),
    Field("calls", "sum(attendances.calls)", "model calls, each once"),
    Field("tools", "sum(attendances.tools)", "tool calls, each once"),
    Field("input_tokens", "sum(attendances.input)", "input tokens, each once"),
    Field("output_tokens", "sum(attendances.output)", "output tokens, each once"),
    Field("cost_usd", _SESSION_COST, "what it cost, as far as it is known"),
)
_TRACE_COST = f"""CASE WHEN priced.stamp = (SELECT price_stamp()) THEN priced.usd ELSE (
SELECT sum({_COST}) FROM main.steps AS steps WHERE steps.trace = traces.id AND {SPENDING}) END"""
_TRACES_SOURCE = """main.traces AS traces LEFT JOIN main.priced AS priced ON priced.trace = traces.id
WHERE NOT traces.folded"""
_TRACE = (
    Field("trace_id", _hex("traces.trace_id"), "the trace, 32 hex digits"),
    Field("name", "traces.name", "name of its root"),
    Field("service", "traces.service", "service of its root"),
    *_period("traces"),
    Field("agent", "traces.agent", "its first agent"),
    Field("session", "traces.session", "its first session"),
    Field(
        "status",
        "coalesce(traces.outcome, CASE WHEN traces.errors THEN 'error' ELSE 'ok' END)",
        "`ok`, `error` or `cancelled`",
    ),
    Field("spans", "traces.spans", "spans that arrived"),
    Field("errors", "traces.errors", "failures, each once"),
    Field("calls", "traces.calls", "model calls, each once"),
    Field("tools", "traces.tools", "tool calls, each once"),
    Field("agent_runs", "traces.runs", "runs of agents"),
    *_SUMS,
    Field("cost_usd", _TRACE_COST, "what it cost, as far as it is known"),
)
_LOG = (
    Field("time", "iso_time(logs.time_ns)", "when it was written, ISO 8601 in UTC"),
    Field("time_ns", "logs.time_ns", "when it was written, nanoseconds since the epoch"),
    Field("trace_id", f"nullif({_hex('logs.trace_id')}, '')", "the trace that it belongs to; null for none"),
    Field("span_id", "log_span_id(logs.body)", "the span that it belongs to; null for none"),
    Field("service", "origins.service", "`service.name` of its resource"),
    Field("scope", "origins.scope", "the logger"),
    Field("severity", "log_severity(logs.body)", "`severityText`, else the name of its number"),
    Field("event_name", "log_event_name(logs.body)", "name of the event that it is"),
    Field("body", "log_body(logs.body, origins.harness)", "its text, or JSON"),
    Field("attributes", "log_attributes(logs.body, origins.harness)", "its attributes, a JSON object"),
)
_METRIC = (
    Field("time", "iso_time(metrics.time_ns)", "of its latest point, ISO 8601 in UTC"),
    Field("time_ns", "metrics.time_ns", "of its latest point, nanoseconds since the epoch"),
    Field("name", "metrics.name", "the instrument"),
    Field("service", "origins.service", "`service.name` of its resource"),
    Field("scope", "origins.scope", "the meter"),
    Field("type", "metric_type(metrics.body)", "`gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`"),
    Field("unit", "metric_unit(metrics.body)", "its unit"),
    Field("points", "metric_points(metrics.body, origins.harness)", "what was measured, a JSON array"),
)

VIEWS = (
    View(
        "traces",
        "a trace",
        _TRACE,
        _TRACES_SOURCE,
    ),
    View("spans", "a span, whether or not it counts", _SPAN, _SPANS_SOURCE),
    View(
        "model_calls",
        "a model call, or a span that reports use of models; repeated ones are left out",
        _MODEL_CALL,
        f"{_STEPS_SOURCE} WHERE (steps.counted AND steps.kind IN ('model', 'embedding')) OR steps.spends",
    ),
    View(
        "tool_calls",
        "a tool call; repeated ones are left out",
        _TOOL_CALL,
        f"{_STEPS_SOURCE} WHERE steps.counted AND steps.kind = 'tool'",
    ),
    View(
        "sessions",
        "a session",
        _SESSION,
        "main.attendances AS attendances JOIN main.traces AS traces ON traces.id = attendances.trace "
        "GROUP BY attendances.session",
    ),
    View("logs", "a log record", _LOG, "main.logs AS logs JOIN main.origins AS origins ON origins.id = logs.origin"),
    View(
        "metrics",
        "a metric of one export, with its points",
        _METRIC,
        "main.metrics AS metrics JOIN main.origins AS origins ON origins.id = metrics.origin",
    ),
)
"""All of them, in the order in which they are told of."""
