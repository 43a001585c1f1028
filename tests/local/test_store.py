from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import Limits, Store, TraceFilter, collect, list_traces
from otel_agent_telemetry.local.store._tables import MIGRATIONS, Migration
from tests.cli.command import COMMAND, environment
from tests.local.made import Made, chat, request
from tests.local.serving import post

DATA = Path(__file__).parents[1] / "data"
DAY_NS = 86400 * 10**9
ALL = TraceFilter()


def test_the_file_is_the_users_alone(store: Store) -> None:
    """Spans may hold prompts: the file and its log are readable by their owner only."""
    store.add_spans(request(Made()))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()}
    assert modes == {0o600}


def test_a_span_that_comes_again_changes_nothing(store: Store) -> None:
    """A client that repeats a batch, or a part of it, does not make the trace longer."""
    store.add_spans(request(Made(id=1), Made(id=2, parent=1)))
    store.add_spans(request(Made(id=1, name="other"), Made(id=2, parent=1), Made(id=3, parent=1)))
    with closing(store.reader()) as connection:
        assert [(trace["name"], trace["spans"]) for trace in list_traces(connection, ALL)] == [("work", 3)]


def test_a_trace_is_named_after_its_root_whenever_that_comes(store: Store) -> None:
    """Children end first; until the root arrives the earliest span names the trace."""
    store.add_spans(request(Made(id=3, parent=2, name="late leaf", start=5)))
    store.add_spans(request(Made(id=2, parent=1, name="early leaf", start=2), service="other"))
    with closing(store.reader()) as connection:
        assert [trace["name"] for trace in list_traces(connection, ALL)] == ["early leaf"]
        store.add_spans(request(Made(id=1, name="root", start=9)))
        assert [(trace["name"], trace["service"]) for trace in list_traces(connection, ALL)] == [("root", "shop")]


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A file that is no store is refused with a word on what to do, and stays as it is."""
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(InputError, match="another program; name another file with --db"):
        Store(tmp_path / "other.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file is named and refused."""
    (tmp_path / "notes.txt").write_text("these are my notes, and they are not a database of any kind" * 9)
    with pytest.raises(InputError, match=r"notes\.txt as a trace store: file is not a database"):
        Store(tmp_path / "notes.txt")


def test_a_store_of_a_newer_release_is_refused(store: Store) -> None:
    """A schema from the future is refused with the command that brings the release."""
    with store.writing() as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    with pytest.raises(InputError, match=r"written by a newer release .*; upgrade with `pip install -U"):
        Store(store.path)


def test_an_old_store_is_migrated(store: Store) -> None:
    """A file of the first schema gets the later tables, and keeps its spans."""
    store.add_spans(request(Made(name="old")))
    with store.writing() as connection:
        for later in ("DROP TABLE events", "DROP TABLE homes", "DROP TABLE steps"):  # and with them their indexes
            connection.execute(later)
        for table, column in (("origins", "harness"), ("traces", "folded"), ("traces", "outcome")):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("PRAGMA user_version=1")
    with closing(Store(store.path)) as migrated, closing(migrated.reader()) as connection:
        migrated.add_events("proxy", "application/json", b"{}")
        assert [trace["name"] for trace in list_traces(connection, ALL)] == ["old"]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_store_of_the_second_schema_is_migrated_and_settled_again(tmp_path: Path) -> None:
    """An older release counted a call and its wrapper twice; its store, as it wrote it, is worked out anew."""
    path = tmp_path / "traces.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.executescript((DATA / "stores" / "2.sql").read_text("utf-8"))
    with closing(Store(path)) as store:
        store.settle()
        with closing(store.reader()) as connection:
            found = [(trace["name"], trace["calls"], trace["input_tokens"]) for trace in list_traces(connection, ALL)]
            kept = connection.execute("SELECT count(*), (SELECT count(*) FROM events) FROM spans").fetchone()
    assert (sorted(found), kept) == ([("GET /", 0, None), ("run the shop", 1, 100)], (4, 1))


def test_a_migration_says_whether_totals_have_to_be_worked_out_again() -> None:
    """Only what bears on totals has every trace settled again."""
    scripts = [Migration("CREATE TABLE x (y);\n", settles_again=again).script for again in (False, True)]
    assert scripts == [
        "CREATE TABLE x (y);\n",
        "CREATE TABLE x (y);\n\nUPDATE traces SET unsettled = 1;\n",
    ]


def test_age_goes_by_arrival(store: Store) -> None:
    """What arrived longer ago than the limit goes, with all that belongs to it; the rest stays."""
    store.add_spans(request(Made(name="old", attributes=chat()), trace=1))
    with store.writing() as connection:
        connection.execute("UPDATE traces SET received_ns = received_ns - ?", (8 * DAY_NS,))
    store.add_spans(request(Made(name="new"), trace=2))
    done = collect(store, Limits(age_ns=7 * DAY_NS))
    with closing(store.reader()) as connection:
        left = [trace["name"] for trace in list_traces(connection, ALL)]
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("spans", "steps", "visits")
        ]
    assert (done.traces, left, counts) == (1, ["new"], [1, 0, 1])


def test_who_sent_what_is_gone_goes_too(store: Store) -> None:
    """A resource that nothing in the store comes from any longer is not kept for ever; one that comes again is new."""
    for number, service in enumerate(("old", "shop", "shop"), 1):
        store.add_spans(request(Made(), trace=number, service=service))
    logs = ExportLogsServiceRequest()
    of_resource = logs.resource_logs.add(resource=request(service="talker").resource_spans[0].resource)
    of_resource.scope_logs.add().log_records.add(time_unix_nano=1)
    store.add_logs(logs)
    with store.writing() as connection:
        connection.execute("UPDATE traces SET received_ns = 0 WHERE id < 3")
    collect(store, Limits(age_ns=DAY_NS))
    store.add_spans(request(Made(), trace=4, service="old"))
    with closing(store.reader()) as connection:
        origins = connection.execute("SELECT service FROM origins").fetchall()
        names = {trace["service"] for trace in list_traces(connection, ALL)}
    assert (sorted(origins), names) == ([("old",), ("shop",), ("talker",)], {"shop", "old"})


def test_a_span_that_cannot_be_read_holds_up_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It stands for nothing, and is told of once."""
    for number in (1, 2, 3):
        store.add_spans(request(Made(attributes=chat()), trace=number))
    with store.writing() as connection:
        connection.execute("UPDATE spans SET body = CAST('gen_ai. broken' AS BLOB) WHERE trace = 2")
    rounds = [store.settle(), store.settle()]
    with closing(store.reader()) as connection:
        calls = connection.execute("SELECT calls FROM traces ORDER BY id").fetchall()
    assert (rounds, calls) == ([2, 0], [(1,), (0,), (1,)])
    assert len(caplog.records) == 1


def test_what_was_added_is_read_before_anybody_asks(store: Store) -> None:
    """A span that was accepted is stored first and understood later: by whoever asks, if nobody did before."""
    store.add_spans(request(Made(attributes=chat("gpt-5"))))
    with store.writing() as connection:
        assert connection.execute("SELECT count(*) FROM steps").fetchone() == (0,)
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT model FROM steps").fetchall() == [("gpt-5",)]


def test_an_id_is_not_given_again_before_its_span_was_read(store: Store) -> None:
    """After everything that was read is gone, what comes is read as well."""
    store.add_spans(request(*(Made(id=number, attributes=chat()) for number in range(1, 9))))
    store.settle()
    with store.writing() as connection:
        for table in ("spans", "steps", "traces"):
            connection.execute(f"DELETE FROM {table}")
    store.add_spans(request(Made(attributes=chat("gpt-5")), trace=2))
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT model FROM steps").fetchall() == [("gpt-5",)]


def test_a_trace_that_cannot_be_settled_holds_up_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It is told of once and left alone until more of it comes; the totals of the others are there."""
    for number in (1, 2, 3):
        store.add_spans(request(Made(attributes=chat()), trace=number))
    store.read_new()
    with store.writing() as connection:
        connection.execute("UPDATE steps SET flags = 'broken' WHERE trace = 2")
    rounds = [store.settle(), store.settle()]
    with closing(store.reader()) as connection:
        calls = connection.execute("SELECT calls FROM traces ORDER BY id").fetchall()
    assert (rounds, calls) == ([3, 0], [(1,), (0,), (1,)])
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [f"trace {2:032x} cannot be settled"]


def test_a_trace_that_could_not_be_settled_is_tried_again(store: Store) -> None:
    """Once more of its spans come, whatever they say, all of it is settled anew."""
    store.add_spans(request(Made(attributes=chat())))
    with store.writing() as connection:
        connection.execute("UPDATE steps SET flags = 'broken'")
    store.settle()
    with store.writing() as connection:
        connection.execute("UPDATE steps SET flags = 0")
    store.add_spans(request(Made(id=2)))
    assert store.settle() == 1
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT calls, unsettled FROM traces").fetchall() == [(1, 0)]


def test_the_oldest_go_where_the_file_is_too_large(store: Store) -> None:
    """Beyond the size limit the oldest traces go until nine tenths are left, and the file shrinks."""
    for number in range(1, 101):
        store.add_spans(request(Made(name=f"n{number}", attributes={"text": "x" * 20_000}), trace=number))
    done = collect(store, Limits(size_bytes=1_000_000))
    with closing(store.reader()) as connection:
        names = [trace["name"] for trace in list_traces(connection, ALL, limit=1000)]
    assert store.path.stat().st_size < 1_000_000
    assert done.traces + len(names) == 100
    assert sorted(names, key=lambda name: int(name[1:])) == [f"n{n}" for n in range(done.traces + 1, 101)]


def test_everything_goes_at_an_age_of_nothing(store: Store) -> None:
    """`gc --retention 0s` empties the store."""
    store.add_spans(request(Made()))
    store.add_events("proxy", "application/json", b"{}")
    assert [collect(store, Limits(age_ns=0)).traces, collect(store, Limits(age_ns=0)).traces] == [1, 0]


def test_every_acknowledged_batch_survives_kill_9(tmp_path: Path) -> None:
    """The server is killed while it is being written to; all that it had acknowledged is in the file."""
    path = tmp_path / "traces.sqlite"
    running = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--db", str(path)], env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    url = running.stderr.readline().split()[2]
    acknowledged = 0
    for number in range(1, 61):
        body = request(*(Made(id=n) for n in range(1, 51)), trace=number).SerializeToString()
        acknowledged += post(url, body).status == 200
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    with closing(Store(path)) as store, closing(store.reader()) as connection:
        assert connection.execute("SELECT count(*), sum(spans) FROM traces").fetchone() == (
            acknowledged,
            acknowledged * 50,
        )
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    """A block that raises inside a transaction undoes all of it, and the store goes on."""
    with pytest.raises(ZeroDivisionError):
        _fail_after_writing(store)
    store.add_spans(request(Made()))
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM spans)").fetchone() == (
            0,
            1,
        )


def test_another_process_is_noticed(store: Store) -> None:
    """A change by another process wakes those who wait for one."""
    ending = threading.Event()
    changes = store.changes(30, ending)
    threading.Timer(0.3, _write_elsewhere, [store.path]).start()
    began = time.monotonic()
    assert next(changes) is True
    assert time.monotonic() - began < 5
    changes.close()


def _fail_after_writing(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("INSERT INTO events VALUES (NULL, 0, 'proxy', 'x', x'', NULL)")
        raise ZeroDivisionError


def _write_elsewhere(path: Path) -> None:
    with closing(Store(path)) as other:
        other.add_spans(request(Made()))
