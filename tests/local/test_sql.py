from __future__ import annotations

import csv
import io
import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_agent_telemetry.cli._sessions import sessions
from otel_agent_telemetry.cli._show import show
from otel_agent_telemetry.cli._sql import sql
from otel_agent_telemetry.cli._traces import traces
from otel_agent_telemetry.cli._usage import usage
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import VIEWS, Imported, Store, answer, empty, import_line
from tests.local.corpus import PART, files, lines
from tests.local.made import START, Made, agent, chat, request, span_id, tool, trace_id

if TYPE_CHECKING:
    from pathlib import Path

    import click

PERIOD = ["start_time", "end_time", "start_ns", "end_ns", "duration_ms"]
SPENT = [
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd"),
    "cost_is_estimate",
]
SPAN = ["trace_id", "span_id", "parent_span_id", "name", "service"]
CONTRACT = {
    "traces": [
        *("trace_id", "name", "service", *PERIOD, "agent", "session", "status", "spans", "errors", "calls", "tools"),
        *("agent_runs", "input_tokens", "output_tokens", "cost_usd"),
    ],
    "spans": [
        *(*SPAN, "scope", *PERIOD, "kind", "model", "provider", "agent", "session", "tool", "status", "outcome"),
        *("error_type", "error_message", "counted", "repeats", *SPENT, "attributes", "events", "resource", "user"),
    ],
    "model_calls": [
        *(*SPAN, *PERIOD, "kind", "model", "provider", "agent", "session", "calls", "error_type", *SPENT),
        *("response_id", "attributes", "user"),
    ],
    "tool_calls": [*SPAN, *PERIOD, "tool", "call_id", "agent", "session", "error_type", "attributes", "user"],
    "sessions": [
        *("session", "agent", "service", "start_time", "end_time", "start_ns", "end_ns", "traces", "errors", "calls"),
        *("tools", "input_tokens", "output_tokens", "cost_usd"),
    ],
    "logs": [
        *("time", "time_ns", "trace_id", "span_id", "service", "scope", "severity", "event_name", "body"),
        "attributes",
    ],
    "metrics": ["time", "time_ns", "name", "service", "scope", "type", "unit", "points"],
}
PROMPT = '[{"role": "user", "parts": [{"type": "text", "content": "where is my order?"}]}]'
PRICED = {**chat("gpt-4o", 1000, 100), "gen_ai.provider.name": "openai", "gen_ai.response.id": "r1"}
RUN = (
    Made(name="run the shop", id=1, attributes={**agent(), "gen_ai.conversation.id": "talk-1"}),
    Made(name="chat gpt-4o", id=2, parent=1, start=5, end=60, attributes={**PRICED, "gen_ai.input.messages": PROMPT}),
    Made(name="POST /v1/chat", id=4, parent=2, start=6, end=59, attributes=PRICED),
    Made(name="execute_tool search", id=3, parent=1, start=60, end=90, attributes={**tool(), "order": 7}, error=True),
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A store with a trace of which two spans tell of one call, and with one whose cost its span says."""
    path = tmp_path / "traces.sqlite"
    with closing(Store(path)) as store:
        store.add_spans(request(*RUN))
        said = {**chat("gpt-dear", 200), "gen_ai.cost.total_cost": 0.5, "gen_ai.conversation.id": "talk-1"}
        store.add_spans(request(Made(name="sum up", attributes=said), trace=2, start_ns=START + 10**9))
        store.add_logs(_logs())
        store.add_metrics(_metrics())
        while store.settle():
            pass
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A store with what real frameworks emit."""
    path = tmp_path / "corpus.sqlite"
    with closing(Store(path)) as store:
        for file in files(PART):
            for line in lines(file):
                import_line(store, line, Imported())
        while store.settle():
            pass
    return path


def run(command: click.Command, db: Path, *arguments: str, given: str | None = None) -> Result:
    """A command's result; stdout as a pipe."""
    return CliRunner().invoke(command, [*arguments, "--db", str(db)], input=given)


def asked(db: Path, query: str, *options: str) -> list[dict[str, Any]]:
    """The rows of a question."""
    done = run(sql, db, query, "--json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def printed(command: click.Command, db: Path, *options: str) -> list[dict[str, Any]]:
    """What another command says as JSON."""
    return json.loads(run(command, db, *options, "--json").stdout)


def test_the_views_are_a_contract() -> None:
    """A column that goes breaks what people have written; one that comes is added here."""
    assert {view.name: [field.name for field in view.fields] for view in VIEWS} == CONTRACT


@pytest.mark.parametrize("view", CONTRACT)
def test_each_view_answers_with_its_columns(db: Path, view: str) -> None:
    """What the contract names can be read, of each view, also in an empty store."""
    assert list(asked(db, f"SELECT * FROM {view} LIMIT 1")[0]) == CONTRACT[view]
    with closing(empty()) as connection:
        assert answer(connection, f"SELECT * FROM {view}", limit=1) == (CONTRACT[view], [], False)


@pytest.mark.parametrize("store", ["db", "corpus"])
def test_sums_are_those_of_usage(store: str, request: pytest.FixtureRequest) -> None:
    """Calls, errors, tokens and cost by model are what `usage` says; what is repeated counts once."""
    path = request.getfixturevalue(store)
    by_day = printed(usage, path, "--by", "day")
    sums = asked(
        path,
        """SELECT substr(start_time, 1, 10) AS key, sum(calls) AS calls, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens,
        sum(reasoning_tokens) AS reasoning_tokens, sum(cost_usd) AS cost_usd FROM model_calls GROUP BY 1 ORDER BY 1""",
    )
    expected = [{name: row[name] for name in sums[0]} for row in by_day if row["calls"] or row["input_tokens"]]
    assert [_rounded(row) for row in sums] == [_rounded(row) for row in expected]
    failed = "SELECT count(error_type) AS n FROM {}"
    errors = asked(path, failed.format("model_calls"))[0]["n"] + asked(path, failed.format("tool_calls"))[0]["n"]
    assert errors == sum(row["errors"] for row in by_day)
    tools = asked(path, "SELECT tool AS key, count(*) AS tool_calls FROM tool_calls GROUP BY 1 ORDER BY 1")
    said = [{name: row[name] for name in ("key", "tool_calls")} for row in printed(usage, path, "--by", "tool")]
    assert tools == sorted((row for row in said if row["tool_calls"]), key=lambda row: row["key"] or "")


@pytest.mark.parametrize("store", ["db", "corpus"])
def test_spans_sessions_and_traces_are_those_of_the_other_commands(store: str, request: pytest.FixtureRequest) -> None:
    """Row by row, as far as they share a column."""
    path = request.getfixturevalue(store)
    rows = asked(path, "SELECT *, start_time AS start, end_time AS 'end' FROM sessions ORDER BY session")
    assert _shared(rows) == _shared(sorted(printed(sessions, path, "--limit", "9999"), key=lambda row: row["session"]))
    rows = asked(path, "SELECT *, start_time AS start FROM traces ORDER BY trace_id")
    listed = printed(traces, path, "--limit", "9999")
    assert _shared(rows) == _shared(sorted(listed, key=lambda row: row["trace_id"]))
    for trace in listed:
        shown = json.loads(run(show, path, trace["trace_id"], "--json").stdout)["spans"]
        rows = asked(path, f"SELECT * FROM spans WHERE trace_id = '{trace['trace_id']}' ORDER BY span_id")
        named = ("span_id", "parent_span_id", "name", "service", "kind", "model", "tool", "agent", "status")
        named = (*named, "error_type", "repeats", "duration_ms", "counted")
        expected = sorted(([span[name] for name in named] for span in shown), key=lambda row: row[0])
        ids = {span["span_id"] for span in shown}
        assert [[row[name] for name in named] for row in rows if row["span_id"] in ids] == expected


def _shared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {name for view in ("sessions", "traces") for name in CONTRACT[view]} - {"start_time", "end_time"}
    names = (names - {"start_ns", "end_ns"}) | {"start", "end"}
    return [_rounded({name: row[name] for name in sorted(names) if name in row}) for row in rows]


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 9) if isinstance(value, float) else value for name, value in row.items() if name != "end"
    }


def test_a_span_that_repeats_has_no_figures(db: Path) -> None:
    """It names the span that speaks for it, and is not counted."""
    query = (
        f"SELECT span_id, counted, repeats, input_tokens, cost_is_estimate FROM spans WHERE trace_id = '{trace_id()}'"
    )
    rows = {row["span_id"]: row for row in asked(db, query)}
    assert rows[span_id(2)] | {"cost_is_estimate": 0} == {
        "span_id": span_id(2),
        "counted": 0,
        "repeats": span_id(4),
        "input_tokens": None,
        "cost_is_estimate": 0,
    }
    assert (rows[span_id(4)]["counted"], rows[span_id(4)]["input_tokens"]) == (1, 1000)


def test_attributes_can_be_asked_for(db: Path) -> None:
    """Of spans, log records and resources, by the function `attribute`."""
    rows = asked(
        db, "SELECT attribute(attributes, 'order') AS n FROM tool_calls WHERE attribute(attributes, 'order') > 6"
    )
    assert rows == [{"n": 7}]
    assert asked(db, "SELECT DISTINCT attribute(resource, 'service.name') AS s FROM spans") == [{"s": "shop"}]


def test_content_is_hidden_unless_asked_for(db: Path) -> None:
    """Prompts in spans, and what GenAI events in logs say; other log records keep their text."""
    where = "WHERE attributes LIKE '%where is my order%'"
    for view in ("spans", "logs"):
        found = [len(asked(db, f"SELECT 1 FROM {view} {where}", *options)) for options in ([], ["--content"])]
        assert (view, found) == (view, [0, 1])
    assert asked(db, "SELECT severity, event_name, body FROM logs ORDER BY time_ns") == [
        {"severity": "WARN", "event_name": "", "body": "slow"},
        {"severity": None, "event_name": "gen_ai.user.message", "body": None},
    ]


def test_metrics_have_their_points(db: Path) -> None:
    """As JSON, with attributes and value."""
    (row,) = asked(db, "SELECT name, type, unit, points FROM metrics")
    (point,) = json.loads(row.pop("points"))
    assert (row, point["value"], point["attributes"]) == (
        {"name": "requests", "type": "sum", "unit": "1"},
        3,
        {"route": "/"},
    )


def test_a_table_and_csv(db: Path) -> None:
    """Numbers stand to the right; CSV has a line of titles, and two columns of one name are told apart in JSON."""
    query = "SELECT name, calls, cost_usd FROM traces ORDER BY start_ns DESC"
    assert run(sql, db, query).stdout.splitlines()[:2] == [
        "name          calls  cost_usd",
        "sum up            1       0.5",
    ]
    rows = list(csv.reader(io.StringIO(run(sql, db, query, "--csv").stdout)))
    assert rows[:2] == [["name", "calls", "cost_usd"], ["sum up", "1", "0.5"]]
    assert asked(db, "SELECT 1 AS a, x'ff' AS a") == [{"a": 1, "a_2": "ff"}]


def test_more_rows_than_the_limit_are_told_of(db: Path) -> None:
    """On stderr; a question may come from stdin."""
    done = run(sql, db, "-", "--limit", "1", "--csv", given="SELECT name FROM traces ORDER BY name")
    assert (done.stdout, done.stderr) == (
        "name\nrun the shop\n",
        "There are more than 1 row; --limit gives more of them.\n",
    )


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM spans",
        "DELETE FROM main.spans",
        "UPDATE main.traces SET name = 'x'",
        "INSERT INTO main.homes VALUES (x'00', 1)",
        "CREATE TABLE a (b)",
        "CREATE TEMP TABLE a (b)",
        "DROP VIEW spans",
        "ATTACH 'x.sqlite' AS x",
        "PRAGMA query_only = 0",
        "PRAGMA table_info(spans)",
        "SELECT * FROM pragma_database_list",
        "SELECT sql FROM sqlite_master",
        "SELECT name FROM sqlite_temp_master",
        "SELECT body FROM main.spans",
        "SELECT rowid FROM main.spans",
        "WITH spans AS (SELECT body FROM main.spans) SELECT * FROM spans",
        "WITH view_a AS (SELECT body FROM main.logs) SELECT * FROM view_a",
        "SELECT (SELECT body FROM main.spans LIMIT 1)",
        "SELECT load_extension('x')",
        "VACUUM INTO 'x.sqlite'",
        "BEGIN",
    ],
)
def test_nothing_else_is_possible(db: Path, query: str) -> None:
    """Neither to change anything nor to go round the views; what there is, is said, and the exit code is 2."""
    before = _dump(db)
    done = run(sql, db, query)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "only SELECT is possible, over the views traces, spans" in done.stderr
    assert _dump(db) == before


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT modle FROM model_calls", "no column 'modle'; did you mean 'model'? model_calls has trace_id, span_id"),
        ("SELECT * FROM span", "no view 'span'; expected one of traces, spans, model_calls"),
        ("SELECT 1; SELECT 2", "more than one statement; expected one SELECT"),
        ("SELEC 1", 'near "SELEC": syntax error; `agent-telemetry sql --schema` lists what there is'),
        ("", "there is no question in ''; expected a SELECT"),
    ],
)
def test_a_wrong_question_is_explained(db: Path, query: str, says: str) -> None:
    """What is wrong, what there is, and the command that lists it."""
    done = run(sql, db, query)
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr


def test_a_price_file_that_is_none_is_named(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As other commands do."""
    (tmp_path / "prices.json").write_text("[")
    monkeypatch.setenv("AGENT_TELEMETRY_PRICES", str(tmp_path / "prices.json"))
    done = run(sql, db, "SELECT sum(cost_usd) FROM model_calls")
    assert (done.exit_code, "prices.json" in done.stderr) == (2, True)


def test_a_question_without_end_is_given_up(db: Path) -> None:
    """After the time that was given, with what to do."""
    endless = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT count(*) FROM a"
    done = run(sql, db, endless, "--timeout", "200ms")
    assert "took longer than 0.2 s; narrow it down by a WHERE, or give it more with --timeout" in done.stderr
    assert done.exit_code == 2


def test_the_schema_can_be_read(db: Path) -> None:
    """View by view and column by column, with what each says; it needs no store."""
    said = json.loads(CliRunner().invoke(sql, ["--schema", "--json"]).stdout)
    assert {view["view"]: list(view["columns"]) for view in said} == CONTRACT
    assert all(meaning for view in said for meaning in view["columns"].values())
    table = CliRunner().invoke(sql, ["--schema"]).stdout.splitlines()
    assert len(table) == 1 + sum(map(len, CONTRACT.values()))
    assert run(sql, db).exit_code == 2


@settings(deadline=None)
@given(st.text())
def test_no_question_fails_otherwise_than_by_its_message(query: str) -> None:
    """Whatever is asked, there is an answer or an InputError."""
    with closing(empty()) as connection:
        try:
            found = answer(connection, query, limit=3, seconds=5)
        except InputError:
            return
    assert len(found.rows) <= 3


def _dump(db: Path) -> list[str]:
    with closing(sqlite3.connect(db)) as connection:
        return list(connection.iterdump())


def _logs() -> ExportLogsServiceRequest:
    made = ExportLogsServiceRequest()
    records = made.resource_logs.add().scope_logs.add().log_records
    records.add(time_unix_nano=START, severity_text="WARN", body=AnyValue(string_value="slow"))
    content = KeyValue(key="content", value=AnyValue(string_value="where is my order?"))
    body = AnyValue(string_value="where is my order?")
    records.add(time_unix_nano=START + 1, event_name="gen_ai.user.message", body=body, attributes=[content])
    return made


def _metrics() -> ExportMetricsServiceRequest:
    made = ExportMetricsServiceRequest()
    metric = made.resource_metrics.add().scope_metrics.add().metrics.add(name="requests", unit="1")
    route = KeyValue(key="route", value=AnyValue(string_value="/"))
    metric.sum.data_points.add(time_unix_nano=time.time_ns(), as_int=3, attributes=[route])
    return made
