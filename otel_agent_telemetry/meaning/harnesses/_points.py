"""What coding agents count as metrics: tokens and cost, for sessions of which nothing else tells them."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._made import Made, home, process_of, run_of, span_id_of
from otel_agent_telemetry.meaning.harnesses._marks import METRIC, ROOT, USAGE, Marks
from otel_agent_telemetry.meaning.harnesses._words import WORDS, text
from otel_agent_telemetry.otlp._values import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

__all__ = ["made_of_metric"]

_HOUR_NS = 3600 * 10**9
_CUMULATIVE = 2


class _Row(NamedTuple):
    """A metric: the attribute that tells its series apart, and the figures that each of them is part of."""

    by: str
    figures: Mapping[str, tuple[str, ...]]


_GEMINI = {"input": ("input",), "output": ("output",), "cache": ("cache_read",), "thought": ("output", "reasoning")}
_ROWS = {
    "claude_code.token.usage": _Row(
        "type",
        {
            "input": ("input",),
            "output": ("output",),
            "cacheRead": ("input", "cache_read"),
            "cacheCreation": ("input", "cache_write"),
        },
    ),
    "claude_code.cost.usage": _Row("", {"": ("cost",)}),
    "codex.turn.token_usage": _Row(
        "token_type",
        {
            "input": ("input",),
            "output": ("output",),
            "cached_input": ("cache_read",),
            "cache_write_input": ("cache_write",),
            "reasoning_output": ("reasoning",),
        },
    ),
    "gemini_cli.token.usage": _Row("type", _GEMINI),
    "qwen-code.token.usage": _Row("type", {**_GEMINI, "thought": ("reasoning",)}),
    "gen_ai.client.inference.usage.input_tokens": _Row("", {"": ("input",)}),
    "gen_ai.client.inference.usage.output_tokens": _Row("", {"": ("output",)}),
    "gen_ai.client.inference.usage.cache_read.input_tokens": _Row("", {"": ("cache_read",)}),
    "gen_ai.client.inference.usage.cache_write.input_tokens": _Row("", {"": ("cache_write",)}),
    "gen_ai.client.inference.usage.reasoning.output_tokens": _Row("", {"": ("reasoning",)}),
}
"""Of figures that a program gives under several names those of one name, so that none is added up twice."""
_PRICED = ("claude_code.token.usage",)


def made_of_metric(resource: Resource, harness: str, metric: Metric) -> Iterator[Made]:
    """A span for each point that tells tokens or cost, and one for the run that they belong to if nothing tells of it.

    A point of a delta is one by itself; of a cumulative series each point stands for those before it.
    """
    row = _ROWS.get(metric.name)
    which = metric.WhichOneof("data")
    if row is None or which not in {"sum", "histogram"}:
        return
    about = attributes(resource.attributes)
    data: Any = getattr(metric, which)
    for point in data.data_points:
        given = attributes(point.attributes)
        value = point.sum if which == "histogram" else point.as_double or point.as_int
        figures = row.figures.get(str(given.get(row.by, "")), ()) if row.by else row.figures[""]
        if value <= 0 or not figures:
            continue
        session = text(given, "session.id", "conversation.id") or text(about, "session.id")
        known_as = _home(harness, session, about, point.start_time_unix_nano)
        marks = Marks(harness, METRIC, ROOT, session)
        run = run_of(marks, known_as, 0, point.start_time_unix_nano).beside(end_ns=point.time_unix_nano)
        series = (metric.name, sorted((key, str(item)) for key, item in given.items()), point.start_time_unix_nano)
        moment = () if data.aggregation_temporality == _CUMULATIVE else (point.time_unix_nano,)
        amount = float(value) if figures == ("cost",) else int(value)
        words: dict[str, object] = {
            "operation": semconv.OPERATION_CHAT,
            "model": text(given, "model", semconv.GEN_AI_RESPONSE_MODEL, semconv.GEN_AI_REQUEST_MODEL),
            "agent": text(given, "agent.name"),
            "provider": "anthropic" if harness == marks_of.CLAUDE else text(given, semconv.GEN_AI_PROVIDER_NAME),
            "session": session,
            **dict.fromkeys(figures, amount),
        }
        yield run
        yield run.beside(
            span_id=span_id_of(*known_as, *series, *moment),
            parent_id=run.span_id,
            name=metric.name,
            marks=run.marks._replace(part=USAGE, is_priced=metric.name in _PRICED),
            attributes={WORDS[word]: item for word, item in words.items() if item is not None},
        )


def _home(harness: str, session: str | None, resource: Mapping[str, object], start_ns: int) -> tuple[object, ...]:
    """What the run is known by; where no session is named, the process as far as it is, and the hour."""
    process = process_of(resource)
    if session is not None:
        return home(harness, session, "metrics", process)
    whole = blake2b(repr(sorted((key, str(value)) for key, value in resource.items())).encode(), digest_size=8)
    return harness, "metrics", process or whole.hexdigest(), "" if process else start_ns // _HOUR_NS
