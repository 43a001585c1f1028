from __future__ import annotations

import re
import time
from calendar import timegm
from hashlib import sha256
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from otel_agent_telemetry import contract
from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent
from otel_agent_telemetry.pipeline.writing.dialect import Envelope, encode
from tests.collector.clickhouse import ClickHouse
from tests.collector.fleet import gateways, send_safely
from tests.collector.made import model_call, request, trace_id
from tests.collector.running import CONFIGURATIONS, Collector, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(120)]

SQL = CONFIGURATIONS / "clickhouse"
KEY = "0123456789abcdef0123456789abcdef"
CONFIRMED = re.compile(r'^otelcol_exporter_sent_log_records\w*\{[^}]*exporter="clickhouse"[^}]*\} (\d+)$', re.MULTILINE)
RECEIVED = "SELECT count() AS rows FROM agent_events.events"
MONDAY = timegm((2026, 11, 2, 0, 0, 0))
WEEK = 7 * 24 * 3600
FIRST, SECOND = "install_0000000000000001", "install_0000000000000002"

# When, who, which version, what, with which properties.
EVENTS: list[tuple[int, str, str, str, dict[str, object]]] = [
    (0, FIRST, "1.0.0", "task.completed", {"durationMs": 1000}),
    (0, FIRST, "1.0.0", "task.failed", {"durationMs": 10, "errorCategory": "timeout"}),
    (0, SECOND, "1.0.0", "task.completed", {"durationMs": 3000}),
    (0, SECOND, "1.0.0", "token.usage", {"model": "gpt-4o", "inputTokens": 120, "outputTokens": 30, "costUsd": 0.25}),
    (WEEK, FIRST, "1.1.0", "task.completed", {"durationMs": 2000}),
    (WEEK, FIRST, "1.1.0", "token.usage", {"model": "gpt-4o", "inputTokens": 80, "outputTokens": 20, "costUsd": 0.5}),
    (WEEK, FIRST, "1.1.0", "session.ended", {"inputTokens": 80, "outputTokens": 20, "errors": ["timeout"]}),
    (2 * WEEK, FIRST, "1.1.0", "tool.called", {"isSuccess": False, "errorCategory": "tool_error"}),
    (2 * WEEK, SECOND, "1.1.0", "tool.called", {"isSuccess": False, "errorCategory": "tool_error"}),
]


def body(after: int, installation: str, version: str, name: str, properties: dict[str, object]) -> bytes:
    """One event as it is sent."""
    around = Envelope(
        product="acme",
        source="worker",
        environment="production",
        installation_id=installation,
        installed_on="2026-11-01",
        properties={"version": version},
    )
    return encode("proxy", CleanEvent(contract.events()[name], properties, MONDAY + after), around) or b""


def inserted(proxy: Collector) -> int:
    """How many events ClickHouse has confirmed, in the Collector's own numbers."""
    with urlopen(f"http://127.0.0.1:{proxy.settings['COLLECTOR_METRICS_PORT']}/metrics", timeout=5) as answer:
        found = CONFIRMED.search(answer.read().decode())
    return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[ClickHouse]:
    """ClickHouse with both schemas."""
    with ClickHouse() as engine:
        engine.run(SQL / "events.sql")
        engine.run(SQL / "traces.sql")
        yield engine


@pytest.fixture(scope="module")
def events(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> ClickHouse:
    """ClickHouse with events that went through event-proxy.yaml, each of them twice under one key."""
    state = tmp_path_factory.mktemp("events")
    with Collector(state, "event-proxy.yaml", CLICKHOUSE_ENDPOINT=clickhouse.endpoint) as proxy:
        for times in (1, 2):
            connection = HTTPConnection("127.0.0.1", proxy.http, timeout=10)
            lines = b"\n".join(body(*event) for event in EVENTS)
            connection.request("POST", "/v1/events", lines, {"Idempotency-Key": KEY})
            assert connection.getresponse().status == 200
            connection.close()
            wanted = times * len(EVENTS)  # two inserts: what is equal within one is one row from the beginning
            wait_until(lambda: inserted(proxy) == wanted, "the events")  # noqa: B023 - awaited before the next round
    return clickhouse


def test_an_event_has_its_columns(events: ClickHouse) -> None:
    """The exporter's row becomes one row with a column for what is asked often."""
    [row] = events.rows("SELECT * FROM agent_events.events FINAL WHERE event = 'session.ended'")
    assert row == {
        "occurred": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(MONDAY + WEEK)),
        "product": "acme",
        "event": "session.ended",
        "installation": FIRST,
        "version": "1.1.0",
        "source": "worker",
        "environment": "production",
        "os": "",
        "language": "",
        "installed_on": "2026-11-01",
        "model": "",
        "provider": "",
        "error_category": "",
        "errors": ["timeout"],
        "duration_ms": None,
        "input_tokens": 80,
        "output_tokens": 20,
        "cost_usd": 0.0,
        "properties": {"inputTokens": "80", "outputTokens": "20", "errors": '["timeout"]'},
        "key": sha256(f"{KEY} ".encode() + body(*EVENTS[6])).hexdigest(),
    }


def test_an_event_that_comes_again_counts_once(events: ClickHouse) -> None:
    """What was sent twice under one key is there once."""
    assert events.rows(f"{RECEIVED} FINAL") == [{"rows": len(EVENTS)}]


def test_active_installations(events: ClickHouse) -> None:
    """Two installations in the first and the third week, one in the second."""
    assert events.run(SQL / "active_installations.sql") == [
        {"product": "acme", "week": "2026-11-02", "installations": 2},
        {"product": "acme", "week": "2026-11-09", "installations": 1},
        {"product": "acme", "week": "2026-11-16", "installations": 2},
    ]


def test_task_success(events: ClickHouse) -> None:
    """Two of three tasks of one version succeeded, the only one of the next did."""
    assert events.run(SQL / "task_success.sql") == [
        {"product": "acme", "version": "1.0.0", "completed": 2, "failed": 1, "success_rate": 0.6667, "median_ms": 3000},
        {"product": "acme", "version": "1.1.0", "completed": 1, "failed": 0, "success_rate": 1, "median_ms": 2000},
    ]


def test_tokens_by_model(events: ClickHouse) -> None:
    """Only token.usage counts: what session.ended repeats is not added."""
    assert events.run(SQL / "tokens_by_model.sql") == [
        {"month": "2026-11-01", "model": "gpt-4o", "input": 200, "output": 50, "usd": 0.75, "installations": 2}
    ]


def test_errors(events: ClickHouse) -> None:
    """Failures by event and category, the most frequent first."""
    assert events.run(SQL / "errors.sql") == [
        {"event": "tool.called", "error_category": "tool_error", "failures": 2, "installations": 2},
        {"event": "task.failed", "error_category": "timeout", "failures": 1, "installations": 1},
    ]


def test_retention(events: ClickHouse) -> None:
    """Both installations began in one week; one of them came back after one, both after two."""
    first = {"product": "acme", "first_week": "2026-11-02"}
    assert events.run(SQL / "retention.sql") == [
        {**first, "weeks_later": 0, "installations": 2},
        {**first, "weeks_later": 1, "installations": 1},
        {**first, "weeks_later": 2, "installations": 2},
    ]


def test_spans_and_token_sums_of_a_gateway(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """What gateway.yaml keeps is in otel_traces, and what it counted in the tables for metrics."""
    sent = [model_call(trace_id()) for _ in range(20)]
    [gateway] = gateways(tmp_path, 1, SAMPLING_PERCENT="100", CLICKHOUSE_ENDPOINT=clickhouse.endpoint)
    tokens = "SELECT sum(Value) AS total FROM otel.otel_metrics_sum WHERE MetricName = 'agent.tokens.input'"
    with gateway:
        send_safely(gateway, "traces", request(*sent))
        wait_until(lambda: clickhouse.rows(tokens) == [{"total": 2000}], "the token sums")
        wait_until(lambda: clickhouse.rows("SELECT 1 FROM otel.otel_traces"), "the spans")
        wait_until(lambda: clickhouse.rows("SELECT 1 FROM otel.otel_metrics_histogram"), "the durations")
    found = clickhouse.rows(
        "SELECT TraceId, SpanId, SpanAttributes['gen_ai.usage.input_tokens'] AS tokens FROM otel.otel_traces"
    )
    wanted = [{"TraceId": span["traceId"], "SpanId": span["spanId"], "tokens": "100"} for span in sent]
    assert sorted(found, key=str) == sorted(wanted, key=str)
