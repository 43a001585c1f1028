from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.errors import LedgerError
from otel_agent_telemetry.pipeline.sending.ledger import KEPT_EVENTS, KEPT_SECONDS, Count, Entry, Ledger, Parcel, Row
from tests.delivery.programs import start
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000.0
DAY = 86_400.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """The time."""
        return self.now


def row(number: int, created_at: float = NOW) -> Row:
    """One event of its own body and key."""
    return ("task.started", b'{"n":%d}' % number, "application/json", f"key-{number}", created_at)


def rows(count: int) -> list[Row]:
    """The first so many of them."""
    return [row(number) for number in range(1, count + 1)]


@pytest.fixture
def clock() -> Clock:
    """The ledger's clock."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is, in a folder that is not there yet."""
    return tmp_path / "acme-agents" / "ledger.db"


@pytest.fixture(params=["file", "memory"])
def ledger(request: pytest.FixtureRequest, path: Path, clock: Clock) -> Iterator[Ledger]:
    """A ledger on disk, and one in memory."""
    with closing(Ledger(path if request.param == "file" else None, clock=clock)) as opened:
        yield opened


@pytest.fixture
def on_disk(path: Path) -> Iterator[Ledger]:
    """A ledger on disk, under the real clock."""
    with closing(Ledger(path)) as opened:
        yield opened


def bodies(path: Path) -> list[bytes]:
    """What another process finds in the ledger."""
    with closing(Ledger(path)) as other:
        return [entry.body for entry in other.events()]


def first(ledger: Ledger, batch: int = 1) -> Parcel:
    """The next parcel, where there has to be one."""
    parcel = ledger.next_parcel(batch)
    assert parcel is not None
    return parcel


def test_byte_for_byte(ledger: Ledger) -> None:
    """An event comes back as it went in, byte for byte."""
    body = b'{"name":"\xc3\xa9\xff\x00"}'
    ledger.append([("task.started", body, "application/json", "key-1", NOW)])
    assert ledger.events() == [
        Entry(
            id=1,
            name="task.started",
            body=body,
            content_type="application/json",
            idempotency_key="key-1",
            created_at=NOW,
            state="pending",
            reason=None,
            sent_at=None,
        )
    ]


def test_next_parcel(ledger: Ledger) -> None:
    """The next parcel is the oldest pending event as it is."""
    ledger.append(rows(2))
    assert ledger.next_parcel() == Parcel(
        ids=(1,), body=b'{"n":1}', content_type="application/json", idempotency_key="key-1", due_at=0.0, attempts=0
    )


def test_batch(ledger: Ledger) -> None:
    """A batch is one event a line, under a key that its members' keys make."""
    ledger.append(rows(3))
    assert first(ledger, batch=2) == Parcel(
        ids=(1, 2),
        body=b'{"n":1}\n{"n":2}\n',
        content_type="application/x-ndjson",
        idempotency_key="9f51e495b0a2cbb1b550587e00c410b7",
        due_at=0.0,
        attempts=0,
    )


def test_batch_stays_as_it_was(ledger: Ledger) -> None:
    """A batch that was tried goes again as it was, whatever has been added since."""
    ledger.append(rows(2))
    tried = ledger.claim_next("sender", batch=5).parcel
    ledger.append([row(3)])
    assert first(ledger, batch=5) == tried


def test_single_stays_single(ledger: Ledger) -> None:
    """An event that was tried alone does not join a batch later, as its key would change."""
    ledger.append(rows(2))
    tried = ledger.claim_next("sender").parcel
    assert first(ledger, batch=5) == tried


def test_nothing_pending(ledger: Ledger) -> None:
    """Where nothing is pending there is no next parcel and no next body."""
    assert (ledger.next_parcel(), ledger.next_body()) == (None, None)


def test_next_body(ledger: Ledger) -> None:
    """The next body is shown exactly as it will be sent."""
    ledger.append(rows(2))
    assert (ledger.next_body(), ledger.next_body(batch=2)) == (b'{"n":1}', b'{"n":1}\n{"n":2}\n')


def test_sent(ledger: Ledger) -> None:
    """A sent event stays in the ledger, with its time, and is not sent again."""
    ledger.append(rows(2))
    ledger.mark_sent(first(ledger))
    assert [(entry.state, entry.sent_at) for entry in ledger.events()] == [("sent", NOW), ("pending", None)]
    assert (ledger.next_body(), ledger.last_send()) == (b'{"n":2}', NOW)


def test_dropped(ledger: Ledger) -> None:
    """A dropped event stays in the ledger, with its reason, and is counted."""
    ledger.append(rows(1))
    ledger.mark_dropped(first(ledger), "http_400")
    assert [(entry.state, entry.reason) for entry in ledger.events()] == [("dropped", "http_400")]
    assert (ledger.counts(), ledger.drops()) == ({"pending": 0, "sent": 0, "dropped": 1}, {"http_400": 1})


def test_what_is_done_stays_done(ledger: Ledger) -> None:
    """A second verdict on the same event changes nothing and counts nothing."""
    ledger.append(rows(1))
    parcel = first(ledger)
    ledger.mark_sent(parcel)
    ledger.mark_dropped(parcel, "http_400")
    assert (ledger.counts(), ledger.drops()) == ({"pending": 0, "sent": 1, "dropped": 0}, {})


def test_retry(ledger: Ledger) -> None:
    """An event to be tried again waits by itself, and knows how often it was tried; an untried one goes before it."""
    ledger.append(rows(2))
    ledger.retry(first(ledger), NOW + 60)
    assert (first(ledger).ids, first(ledger).due_at) == ((2,), 0.0)
    ledger.mark_sent(first(ledger))
    assert (first(ledger).ids, first(ledger).due_at, first(ledger).attempts) == ((1,), NOW + 60, 1)


def test_quiet(ledger: Ledger) -> None:
    """After a failure everything waits a while, until the server takes something again."""
    ledger.append(rows(3))
    ledger.retry(first(ledger), NOW + 60, quiet_until=NOW + 5)
    assert (first(ledger).ids, first(ledger).due_at, first(ledger).failures) == ((2,), NOW + 5, 1)
    ledger.mark_sent(first(ledger))
    assert (first(ledger).ids, first(ledger).due_at, first(ledger).failures) == ((3,), 0.0, 0)


def test_batch_without_repetition(ledger: Ledger) -> None:
    """No two lines of a batch are the same, so that its receiver can tell them apart by what they say."""
    ledger.append([row(1), row(2), row(1)])
    ledger.mark_sent(first(ledger, batch=5))
    assert (ledger.counts(), first(ledger, batch=5).ids) == ({"pending": 1, "sent": 2, "dropped": 0}, (3,))


def count(key: str, body: bytes, *before: str, due_at: float | None = NOW + 60) -> Count:
    """A count as it stands."""
    return Count(("token.usage", body, "application/json", key, NOW), before, due_at)


def shown(ledger: Ledger) -> list[tuple[str, bytes]]:
    """State and body of each event."""
    return [(entry.state, entry.body) for entry in ledger.events()]


def test_count_grows(ledger: Ledger) -> None:
    """A count takes the place of the one before it, is nothing to send yet, and becomes an event when it is done."""
    ledger.append([], counts=[count("a", b"1")])
    ledger.append([], counts=[count("b", b"2", "a")])
    assert (shown(ledger), ledger.next_parcel()) == ([("counting", b"2")], None)
    ledger.append(rows(1), counts=[count("c", b"3", "b", due_at=None)])
    assert shown(ledger) == [("pending", b'{"n":1}'), ("pending", b"3")]


def test_count_is_taken_over(ledger: Ledger, clock: Clock) -> None:
    """An overdue count becomes an event as it is, once; what would have taken its place is not written."""
    ledger.append([], counts=[count("a", b"1")])
    assert ledger.take_over() == 0
    clock.now += 60
    assert (ledger.take_over(), ledger.take_over()) == (1, 0)
    assert ledger.append([], counts=[count("b", b"2", "a")]) == {"a"}
    assert shown(ledger) == [("pending", b"1")]


def test_count_of_several(ledger: Ledger, clock: Clock) -> None:
    """A count takes the place of several, or of none where one of them has become an event."""
    ledger.append([], counts=[count("a", b"1"), count("b", b"2", due_at=NOW + 3_000)])
    clock.now += 60
    assert ledger.take_over() == 1
    assert ledger.append([], counts=[count("c", b"3", "a", "b", due_at=NOW + 3_000)]) == {"a"}
    assert ledger.append([], counts=[count("c", b"2", "b", due_at=None)]) == set()
    assert shown(ledger) == [("pending", b"1"), ("pending", b"2")]


def test_count_of_a_process_that_died(path: Path) -> None:
    """What a process had counted when it was killed becomes an event at once, while a living one goes on counting."""
    program = """
    import os, signal, sys
    from otel_agent_telemetry.pipeline.sending.ledger import Count, Ledger

    row = ("token.usage", sys.argv[2].encode(), "application/json", sys.argv[2], 1.8e9)
    Ledger(sys.argv[1]).append([], counts=[Count(row, (), 1.8e9 + 60)])
    print("counted", flush=True)
    input()
    """
    with start(program, path, "dead") as dead, start(program, path, "alive") as alive:
        for process in (dead, alive):
            assert process.stdout is not None
            assert process.stdout.readline() == "counted\n"
        dead.kill()
        dead.wait()
        with closing(Ledger(path, clock=lambda: NOW)) as ledger:
            assert ledger.take_over() == 1
            assert shown(ledger) == [("pending", b"dead"), ("counting", b"alive")]
        alive.kill()


def test_clock_put_right(ledger: Ledger) -> None:
    """A wait of more than an hour came from a wrong clock and does not count."""
    ledger.append(rows(1))
    ledger.retry(first(ledger), NOW + DAY)
    assert first(ledger).due_at == 0.0


def test_given_up(ledger: Ledger, clock: Clock) -> None:
    """Of the pending events those are given up that were first tried before a time; an untried one is not."""
    ledger.append(rows(2))
    ledger.claim_next("sender")
    clock.now += DAY
    assert ledger.claim_next("sender", tried_before=clock.now - DAY).is_due
    assert (ledger.counts(), ledger.drops()) == ({"pending": 1, "sent": 0, "dropped": 1}, {"gave_up": 1})


def test_delete_pending(ledger: Ledger) -> None:
    """Withdrawn consent deletes what is pending, and leaves what was sent and a count."""
    ledger.append(rows(3))
    ledger.mark_sent(first(ledger))
    assert ledger.delete_pending() == 2
    assert [entry.body for entry in ledger.events()] == [b'{"n":1}']
    assert ledger.drops() == {"opted_out": 2}


def test_counts_from_elsewhere(ledger: Ledger) -> None:
    """Losses from elsewhere are added to what is there."""
    ledger.count_drops({"queue_full": 2, "undeclared": 1})
    ledger.count_drops({"queue_full": 3})
    assert ledger.drops() == {"queue_full": 5, "undeclared": 1}


def test_full(ledger: Ledger) -> None:
    """The ledger keeps the newest 10,000 events; those that were never sent are counted as lost."""
    ledger.append([row(1)])
    ledger.mark_sent(first(ledger))
    ledger.append(rows(KEPT_EVENTS + 5))
    assert (ledger.counts()["pending"], ledger.drops()) == (KEPT_EVENTS, {"ledger_full": 5})


def test_expired(ledger: Ledger) -> None:
    """Events older than 30 days go, and are counted where they were never sent."""
    ledger.append([row(1, NOW - KEPT_SECONDS - 1), row(2, NOW - KEPT_SECONDS)])
    assert [entry.body for entry in ledger.events()] == [b'{"n":2}']
    assert ledger.drops() == {"expired": 1}


def test_selection(ledger: Ledger) -> None:
    """Events are listed oldest first: the last so many of those since a time."""
    ledger.append([row(number, NOW + number) for number in range(5)])
    assert [entry.body for entry in ledger.events(2, since=NOW + 2)] == [b'{"n":3}', b'{"n":4}']


def test_lease(ledger: Ledger, clock: Clock) -> None:
    """One holder at a time, for as long as was agreed; it may prolong, and give back."""
    ledger.append(rows(1))
    assert [takes(ledger, holder) for holder in ("a", "b", "a")] == [True, False, True]
    clock.now += 15
    assert (takes(ledger, "b"), ledger.lease_until()) == (True, clock.now + 15)
    ledger.release_lease("b")
    assert (ledger.lease_until(), takes(ledger, "a")) == (None, True)


def test_release_is_of_the_holder(ledger: Ledger) -> None:
    """Nobody gives back the lease of another."""
    ledger.append(rows(1))
    takes(ledger, "a")
    ledger.release_lease("b")
    assert not takes(ledger, "b")


def test_lease_without_anything_to_send(ledger: Ledger, clock: Clock) -> None:
    """Where nothing is due, and where the server did not take it, nobody keeps the lease."""
    assert (takes(ledger, "a"), ledger.lease_until()) == (True, None)
    ledger.append(rows(1))
    parcel = ledger.claim_next("a", lease_seconds=15).parcel
    assert parcel is not None
    ledger.retry(parcel, clock.now + 5, holder="a")
    assert (ledger.lease_until(), takes(ledger, "b"), ledger.lease_until()) == (None, True, None)


def takes(ledger: Ledger, holder: str) -> bool:
    """Whether that one may send now."""
    return ledger.claim_next(holder, lease_seconds=15).is_holder


def test_stopped(ledger: Ledger) -> None:
    """A stop is remembered for one version of the product."""
    ledger.stop("acme-agents/2.3.0")
    assert (ledger.is_stopped("acme-agents/2.3.0"), ledger.is_stopped("acme-agents/2.4.0")) == (True, False)


def test_modes(on_disk: Ledger, path: Path) -> None:
    """Folder and files are for their owner alone."""
    on_disk.append(rows(1))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in [path.parent, *path.parent.iterdir()]}
    assert modes == {
        "acme-agents": 0o700,
        "ledger.db": 0o600,
        "ledger.db-shm": 0o600,
        "ledger.db-wal": 0o600,
        "ledger.db.reserve-0": 0o600,
    }


def test_kept(on_disk: Ledger, path: Path) -> None:
    """Another process, or the next run, finds what was appended."""
    on_disk.append(rows(2))
    assert bodies(path) == [b'{"n":1}', b'{"n":2}']


def test_broken_file(path: Path) -> None:
    """A file that is no database is moved aside and counted, and a new ledger begins."""
    path.parent.mkdir()
    path.write_bytes(b"not a database, but longer than the header of one" * 100)
    with closing(Ledger(path)) as ledger:
        ledger.append(rows(1))
        assert (ledger.counts()["pending"], ledger.drops()) == (1, {"ledger_broken": 1})
    assert [file.read_bytes()[:14] for file in path.parent.glob("ledger.db.broken-*")] == [b"not a database"]


def test_broken_while_open(on_disk: Ledger, path: Path) -> None:
    """A file that breaks under an open ledger is moved aside too, and the append that met it is not lost."""
    on_disk.append(rows(500))
    on_disk.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    on_disk.append([row(501)])
    assert ([entry.body for entry in on_disk.events()], on_disk.drops()) == ([b'{"n":501}'], {"ledger_broken": 1})


def become_newer(path: Path) -> None:
    """Another version of this package has that file from now on."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


def test_newer_file(on_disk: Ledger, path: Path) -> None:
    """A ledger of another version of this package stays as it is, also while it is open; ours goes on beside it."""
    on_disk.append([row(1)])
    become_newer(path)
    on_disk.append([row(2)])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT body FROM events").fetchall() == [(b'{"n":1}',)]
    assert (bodies(path), on_disk.drops()) == ([b'{"n":2}'], {})
    assert sorted(file.name for file in path.parent.glob("*.db")) == ["ledger-1.db", "ledger.db"]


def test_table_missing(on_disk: Ledger, path: Path) -> None:
    """A ledger that somebody took a table from is moved aside."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE lease")
    on_disk.append(rows(1))
    assert takes(on_disk, "a")
    assert on_disk.drops() == {"ledger_broken": 1}


@pytest.mark.parametrize("others", [("drops", "lease", "stopped", "moments"), ()])
def test_tables_of_another_kind(path: Path, others: tuple[str, ...]) -> None:
    """A database of somebody else's that calls its tables as ours is moved aside, and no event waits for that."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(sqlite3.connect(path)) as connection:
        for table in ("events", *others):
            connection.execute(f"CREATE TABLE {table} (x)")
        connection.execute("PRAGMA user_version = 1")
    with closing(Ledger(path)) as ledger:
        ledger.append(rows(1))
        assert (ledger.counts()["pending"], ledger.drops()) == (1, {"ledger_broken": 1})


def test_deleted_while_open(on_disk: Ledger, path: Path) -> None:
    """Events do not go into a file that somebody deleted under an open ledger."""
    on_disk.append(rows(1))
    with closing(Ledger(path)) as other:
        other.delete_all()
    on_disk.append([row(2)])
    assert bodies(path) == [b'{"n":2}']


def test_delete_all(path: Path) -> None:
    """Nothing of a deleted ledger is left, nor of one that was moved aside."""
    path.parent.mkdir()
    path.write_bytes(b"x" * 8192)
    ledger = Ledger(path)
    ledger.append(rows(1))
    ledger.delete_all()
    assert list(path.parent.iterdir()) == []


def test_no_folder(tmp_path: Path) -> None:
    """A folder that cannot be is a LedgerError which names the file and the variable."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "ledger.db"
    with pytest.raises(LedgerError) as caught:
        Ledger(path)
    assert str(caught.value) == (
        f"ledger {path}: [Errno 17] File exists: '{tmp_path}/file'; set AGENT_TELEMETRY_STATE_DIR to a folder of yours"
    )


def test_closed_opens_again(on_disk: Ledger) -> None:
    """A ledger that was closed opens again at the next call."""
    on_disk.close()
    on_disk.append(rows(1))
    assert on_disk.counts()["pending"] == 1


def test_threads(ledger: Ledger) -> None:
    """Threads share a ledger: nothing is lost and nothing is doubled."""
    threads = [threading.Thread(target=lambda: [ledger.append([row(n)]) for n in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.counts() == {"pending": 400, "sent": 0, "dropped": 0}


def test_deleted_bodies_are_overwritten(on_disk: Ledger, path: Path) -> None:
    """What consent deleted cannot be read out of the file either."""
    on_disk.append([("task.started", b"canary-of-the-body", "application/json", "key", NOW)])
    on_disk.delete_pending()
    on_disk.close()
    assert b"canary" not in path.read_bytes()
    assert [file for file in path.parent.iterdir() if file.suffix != ".reserve-0"] == [path]


def test_a_ledger_where_others_write(tmp_path: Path) -> None:
    """No ledger is opened in a folder that another account can write to, nor through a link."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme").chmod(0o777)
    with pytest.raises(LedgerError, match=r"other accounts can write to .*: chmod o-w"):
        Ledger(tmp_path / "acme" / "ledger.db")
    (tmp_path / "acme").chmod(0o700)
    (tmp_path / "acme" / "ledger.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError):
        Ledger(tmp_path / "acme" / "ledger.db")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_of_another_account(tmp_path: Path) -> None:
    """A folder that is somebody else's, as a container may have one mounted, is named with its owner and a way out."""
    if os.geteuid() != 0:
        absent("another account", "sudo make test")
    os.chown(tmp_path, 12_345, -1)
    said = rf"{tmp_path} belongs to uid 12345 and this program is uid 0, .* chown 0 {tmp_path}, or .* \(in a container:"
    with pytest.raises(LedgerError, match=said):
        Ledger(tmp_path / "acme" / "ledger.db")
