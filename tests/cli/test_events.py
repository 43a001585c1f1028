from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._outbox import Ledgers
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.cli.command import Done, agent_telemetry, program

if TYPE_CHECKING:
    from pathlib import Path

    from otel_agent_telemetry.pipeline.sending.ledger import Parcel
    from tests.recorder import Recorder

SERVICE = """
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", version="2.3.0", source="api-server")
    with telemetry.session(agent="planner"), telemetry.task("r\N{SNOWMAN}sum", source="slack"):
        with telemetry.tool("web_search"):
            telemetry.record_tokens("gpt-4o", input=1200, output=300, cost_usd=0.013)
    telemetry.flush(10)
"""
ROWS = [
    ("task.created", b'{"event":"task.created"}'),
    ("task.started", '{"event":"task.started","x":"\N{SNOWMAN}"}'.encode()),
    ("task.failed", b"not\xffUTF-8"),
]


COUNTED = "dropped 1, pending 1, sent 1"


def fill(folder: Path) -> Ledger:
    """A ledger with three events: one sent, one dropped, one pending."""
    ledger = Ledger(ledger_file(str(folder), "acme-agents"))
    ledger.append([(name, body, "application/json", f"key-{name}", 1_795_298_400.5) for name, body in ROWS])
    ledger.mark_sent(_next(ledger))
    ledger.mark_dropped(_next(ledger), "http_400")
    ledger.close()
    return ledger


def _next(ledger: Ledger) -> Parcel:
    parcel = ledger.next_parcel()
    assert parcel is not None
    return parcel


def test_the_table(tmp_path: Path) -> None:
    """Each event is one line: when, what became of it, its name, its body."""
    fill(tmp_path)
    done = agent_telemetry("events", "--state-dir", tmp_path)
    expected = (
        '2026-11-21 22:00:00 UTC  sent     task.created             {"event":"task.created"}\n'
        '2026-11-21 22:00:00 UTC  dropped  task.started             {"event":"task.started","x":"\N{SNOWMAN}"}\n'
        "2026-11-21 22:00:00 UTC  pending  task.failed              not\N{REPLACEMENT CHARACTER}UTF-8\n"
    )
    assert done == Done(0, expected, "")


def test_a_ledger_of_another_version(tmp_path: Path) -> None:
    """What another version of this package keeps is shown, counted and forgotten too, and is never written."""
    fill(tmp_path)
    with closing(sqlite3.connect(ledger_file(str(tmp_path), "acme-agents"))) as connection:
        connection.execute("PRAGMA user_version = 7")
    shown = agent_telemetry("events", "--state-dir", tmp_path, "--limit", 2)
    told = agent_telemetry("status", "--state-dir", tmp_path).out.splitlines()[-1]
    said = "ledger.db is kept by another version of this package"
    assert [line.split()[3] for line in shown.out.splitlines()] == ["dropped", "pending"]
    assert shown.err == f"{said} (tables 7): 2 events\n"
    assert told == f"kept by another version of this package: file ledger.db, version 7, {COUNTED}"
    assert not (tmp_path / "acme-agents" / "ledger-1.db").exists()
    forgotten = agent_telemetry("forget", "--state-dir", tmp_path, "--yes").err
    assert (forgotten.startswith(f"{said}; it goes too\n"), list(tmp_path.iterdir())) == (True, [])


def test_events_with_nowhere_to_go(recorder: Recorder, tmp_path: Path) -> None:
    """What has no endpoint is recorded, with nowhere to send; the list says on standard error where the others go."""
    program(SERVICE, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    stayed = agent_telemetry("events", "--state-dir", tmp_path, "--limit", 1)
    program(SERVICE, AGENT_TELEMETRY_STATE_DIR=tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)
    left = agent_telemetry("events", "--state-dir", tmp_path, "--limit", 1)
    assert stayed.err.startswith("destination: none: events are recorded, nowhere to send")
    assert left.err == f"destination: {recorder.url}, in the proxy dialect, as of the last run\n"
    states = [re.split(r"  +", done.out)[1] for done in (stayed, left)]
    assert states == ["recorded, nowhere to send", "sent"]


@pytest.mark.parametrize(
    ("endpoint", "state"), [(None, "recorded, nowhere to send"), ("https://acme.example/v1", "pending")]
)
def test_what_the_page_says_of_events_that_wait(tmp_path: Path, endpoint: str | None, state: str) -> None:
    """What the page of `serve` is told of an event says whether it has anywhere to go."""
    with closing(Ledger(ledger_file(str(tmp_path), "acme-agents"))) as ledger:
        ledger.remember(endpoint=endpoint, dialect="proxy", rule="default", opt_out_env=None)
        ledger.append([("task.created", b"{}", "application/json", "key", 1_795_298_400.5)])
    assert [*Ledgers(str(tmp_path)).bodies(0)] == [(state, b"{}")]


def test_the_bodies_are_what_was_received(recorder: Recorder, tmp_path: Path) -> None:
    """``events --json`` prints the bodies that the event proxy received, byte for byte, in their order."""
    service = program(SERVICE, AGENT_TELEMETRY_ENDPOINT=recorder.url, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    printed = agent_telemetry("events", "--json", "--state-dir", tmp_path).out
    received = [request.body for request in recorder.requests]
    assert (service, len(received) > 5, printed.encode()) == (
        Done(0, "", ""),
        True,
        b"".join(body + b"\n" for body in received),
    )


def test_the_newest(tmp_path: Path) -> None:
    """``--limit`` prints the newest events alone, oldest first."""
    fill(tmp_path)
    done = agent_telemetry("events", "--limit", 2, "--state-dir", tmp_path)
    assert [line.split()[4] for line in done.out.splitlines()] == ["task.started", "task.failed"]


def test_a_wrong_limit(tmp_path: Path) -> None:
    """A limit below one is wrong use."""
    done = agent_telemetry("events", "--limit", 0, "--state-dir", tmp_path)
    assert (done.code, "--limit" in done.err) == (2, True)


def test_the_next_body(recorder: Recorder, tmp_path: Path) -> None:
    """``events --next`` prints the exact body that goes out next, before it does."""
    program(SERVICE, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    following = agent_telemetry("events", "--next", "--state-dir", tmp_path)
    assert recorder.requests == []
    program(SERVICE, AGENT_TELEMETRY_STATE_DIR=tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)
    assert following == Done(0, recorder.requests[0].body.decode() + "\n", "")


def test_nothing_comes_next(tmp_path: Path) -> None:
    """Where nothing is pending, ``--next`` says so, on standard error."""
    fill(tmp_path).delete_pending()
    done = agent_telemetry("events", "--next", "--state-dir", tmp_path)
    assert done == Done(0, "", "nothing waits to be sent\n")


def test_no_events(tmp_path: Path) -> None:
    """Where nothing was ever recorded, the command says so and makes no file."""
    done = agent_telemetry("events", "--state-dir", tmp_path / "state")
    words = f"no events are recorded in {tmp_path / 'state'}; `agent-telemetry status` says whether they are on\n"
    assert (done, [*tmp_path.iterdir()]) == (Done(0, "", words), [])


def test_debug_mode(recorder: Recorder, tmp_path: Path) -> None:
    """AGENT_TELEMETRY_DEBUG=1 prints each event on standard error as it would be sent, and sends and keeps none."""
    given = {"AGENT_TELEMETRY_STATE_DIR": tmp_path, "AGENT_TELEMETRY_DIALECT": "docker"}
    debugged = program(SERVICE, AGENT_TELEMETRY_ENDPOINT=recorder.url, AGENT_TELEMETRY_DEBUG=1, **given)
    assert (recorder.requests, agent_telemetry("events", "--state-dir", tmp_path, "--product", "acme-agents").out) == (
        [],
        "",
    )
    program(SERVICE, **given)
    kept = agent_telemetry("events", "--json", "--state-dir", tmp_path).out
    assert (debugged.code, debugged.out, _timeless(debugged.err)) == (0, "", _timeless(kept))


def _timeless(bodies: str) -> str:
    """Bodies without what differs from run to run."""
    return re.sub(r'("(?:event_timestamp|duration_ms|session_id|task_id)":)("\w+"|\d+)', r"\1?", bodies)


def test_synchronous_mode(recorder: Recorder, tmp_path: Path) -> None:
    """In synchronous mode a call returns once its event is in the ledger and was sent, without a thread of ours."""
    code = """
    import threading
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents")
    telemetry.server_shutdown(sessions_processed=80)
    print([thread.name for thread in threading.enumerate()], flush=True)
    __import__("os")._exit(0)
    """
    given = {"AGENT_TELEMETRY_ENDPOINT": recorder.url, "AGENT_TELEMETRY_STATE_DIR": tmp_path}
    assert program(code, AGENT_TELEMETRY_SYNC=1, **given) == Done(0, "['MainThread']\n", "")
    assert [request.json()["event"] for request in recorder.requests] == ["server.shutdown"]


def test_synchronous_mode_tries_once(tmp_path: Path, recorder: Recorder) -> None:
    """In synchronous mode a call makes one attempt; what was not taken stays in the ledger."""
    recorder.default = type(recorder.default)(503)
    code = """
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", synchronous=True)
    telemetry.server_shutdown(sessions_processed=80)
    __import__("os")._exit(0)
    """
    program(code, AGENT_TELEMETRY_ENDPOINT=recorder.url, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    kept = agent_telemetry("events", "--json", "--state-dir", tmp_path).out
    assert [request.body.decode() + "\n" for request in recorder.requests] == [kept]


def test_the_version_of_a_branch(recorder: Recorder, tmp_path: Path) -> None:
    """A version that is no version number goes nowhere: neither into an event nor into the User-Agent."""
    code = SERVICE.replace("2.3.0", "feature/secret")
    program(code, AGENT_TELEMETRY_ENDPOINT=recorder.url, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    assert {request.header("User-Agent") for request in recorder.requests} == {"acme-agents/unknown"}
    assert [request for request in recorder.requests if b"secret" in request.body] == []
