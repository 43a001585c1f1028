from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import Limits, Store, TraceFilter, collect, list_traces
from tests.cli.command import environment
from tests.local.made import Made, request

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.local.serving import Serving

ALL = TraceFilter()
OUT_OF_DESCRIPTORS = """
import logging, os, sys, time
from pathlib import Path
from otel_agent_telemetry.local import Keeper, Limits, Store
from tests.local.made import Made, chat, request

told = []
logging.basicConfig(format="%(message)s", handlers=[handler := logging.StreamHandler(sys.stdout)])
handler.addFilter(lambda record: told.append(record) is None)


def wait(is_true):
    end = time.monotonic() + 20
    while not is_true() and time.monotonic() < end:
        time.sleep(0.02)


def unsettled():
    with store.writing() as connection:
        return connection.execute("SELECT sum(unsettled) FROM traces").fetchone()[0]


store = Store(Path(sys.argv[1]))
keeper = Keeper(store, Limits())
keeper.start()
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    store.add_spans(request(Made(attributes=chat())))
wait(lambda: told)
for descriptor in taken:
    os.close(descriptor)
store.add_spans(request(Made(attributes=chat()), trace=2))
wait(lambda: not unsettled())
print(keeper.is_alive(), unsettled())
keeper.end()
store.close()
"""


def names(store: Store) -> list[str]:
    """The names of the store's traces."""
    with closing(store.reader()) as connection:
        return sorted(trace["name"] for trace in list_traces(connection, ALL))


def remove(path: Path, *ends: str) -> None:
    """Do what `rm` does to the file with these endings, where they are there."""
    for end in ends:
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextmanager
def looking_in(path: Path) -> Generator[None]:
    """Another program that reads from the store and does not come to an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM spans").fetchone()
        yield


def log_bytes(store: Store) -> int:
    """How long the store's log is."""
    return store.path.with_name(f"{store.path.name}-wal").stat().st_size


def test_what_is_accepted_after_the_file_was_removed_is_kept(store: Store) -> None:
    """After `rm traces.sqlite*` under an open store the next batch begins a new one."""
    store.add_spans(request(Made(name="gone")))
    remove(store.path, "", "-wal", "-shm")
    store.add_spans(request(Made(name="kept"), trace=2))
    with closing(Store(store.path)) as other:
        assert (names(store), names(other)) == (["kept"], ["kept"])


def test_what_was_stored_survives_the_removal_of_the_log(store: Store) -> None:
    """Where only the log is taken away, what it held is in the file and what comes goes into a new log."""
    store.add_spans(request(Made(name="before")))
    remove(store.path, "-wal")
    store.add_spans(request(Made(name="after"), trace=2))
    with closing(Store(store.path)) as other:
        assert names(other) == ["after", "before"]


def test_a_reader_finds_a_store_after_it_was_removed(store: Store) -> None:
    """Nothing has been written since, and still there is a store to be read."""
    store.add_spans(request(Made(name="gone")))
    remove(store.path, "", "-wal", "-shm")
    assert names(store) == []


def test_the_server_keeps_what_it_accepts_after_its_file_was_removed(server: Serving) -> None:
    """A 200 means kept, and the page shows it, whatever became of the file that the server began with."""
    server.post("/v1/traces", request(Made(name="gone")).SerializeToString())
    remove(server.path, "", "-wal", "-shm")
    assert server.post("/v1/traces", request(Made(name="kept"), trace=2).SerializeToString()).status == 200
    assert [trace["name"] for trace in server.get("/api/traces")["traces"]] == ["kept"]


def test_the_page_hears_of_a_store_that_took_the_place_of_another(store: Store) -> None:
    """Those who wait for a change are woken where the file was replaced by another process."""
    changes = store.changes(0.01, threading.Event())
    assert next(changes) is False
    remove(store.path, "", "-wal", "-shm")
    with closing(Store(store.path)) as other:
        other.add_spans(request(Made()))
    assert next(changes) is True
    changes.close()


@pytest.mark.parametrize("name", ["traces.sqlite", "mine.db"])
def test_a_broken_store_is_set_aside(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A database by name that is none is moved aside, said in the log, and a new store begins."""
    (tmp_path / name).write_bytes(b"\x00garbage\xff" * 4000)
    with closing(Store(tmp_path / name)) as store:
        store.add_spans(request(Made(name="new")))
        assert names(store) == ["new"]
    (aside,) = tmp_path.glob(f"{name}.broken-*")
    assert aside.read_bytes() == b"\x00garbage\xff" * 4000
    said = f"{tmp_path / name} was broken (file is not a database): it is kept as {aside}, and a new store is begun"
    assert caplog.messages == [said]


def test_a_store_whose_header_says_so_is_ours_under_any_name(tmp_path: Path) -> None:
    """A store that breaks is known by its header where its name does not say that it is a database."""
    Store(tmp_path / "spans").close()
    with (tmp_path / "spans").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 20_000)
    with closing(Store(tmp_path / "spans")) as store:
        store.add_spans(request(Made(name="new")))
        assert names(store) == ["new"]
    assert len(list(tmp_path.glob("spans.broken-*"))) == 1


def test_a_store_that_breaks_while_open_is_set_aside(store: Store) -> None:
    """The batch that met the broken file is not lost."""
    for number in range(1, 200):
        store.add_spans(request(Made(attributes={"text": "x" * 500}), trace=number))
    store.close()
    with store.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 400_000)
    store.add_spans(request(Made(name="new"), trace=1000))
    assert names(store) == ["new"]
    assert len(list(store.path.parent.glob("traces.sqlite.broken-*"))) == 1


def test_a_store_that_readers_find_broken_is_set_aside(server: Serving) -> None:
    """What is broken may lie where no writer comes by: the page's question has the file looked through."""
    for trace in range(1, 60):
        server.store.add_spans(request(Made(name="old", attributes={"text": "x" * 5000}), trace=trace))
    server.settled()
    server.end_keeper()
    server.store.file.cut_log()
    with closing(server.store.reader()) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'traces'").fetchone()[0]
    with server.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    assert server.send("GET", "/api/traces").status == 503
    assert server.get("/api/traces")["traces"] == []
    assert len(list(server.path.parent.glob("traces.sqlite.broken-*"))) == 1


def test_a_writer_waits_for_another(store: Store) -> None:
    """While another process writes, a write waits its turn, by whichever way it comes."""
    with closing(sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ending = threading.Timer(0.3, other.execute, ["COMMIT"])
        ending.start()
        with store.writing() as connection:
            connection.execute("INSERT INTO events VALUES (NULL, 0, 'proxy', 'x', x'', NULL)")
        ending.join()
    assert collect(store, Limits(age_ns=0)).events == 1


def test_a_foreign_file_in_the_place_of_an_open_store_is_left_alone(store: Store) -> None:
    """Somebody puts his own database there: writers are told, and it stays as it is."""
    remove(store.path, "", "-wal", "-shm")
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(sqlite3.OperationalError, match="is a SQLite database of another program"):
        store.add_spans(request(Made()))
    with closing(sqlite3.connect(store.path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_second_store_takes_no_lock_away(store: Store) -> None:
    """Another process that opens and closes the file does not take it for its own and remove the log."""
    Store(store.path).close()
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM spans').fetchone(); c.close()"
    )
    store.add_spans(request(Made(name="kept")))
    subprocess.run([sys.executable, "-c", code, str(store.path)], check=True, timeout=30)
    assert log_bytes(store) > 0


def test_the_keeper_outlives_a_lack_of_descriptors(tmp_path: Path) -> None:
    """While no file can be opened the log is not folded in; the keeper goes on as soon as there are descriptors."""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    command = [sys.executable, "-c", OUT_OF_DESCRIPTORS, str(tmp_path / "traces.sqlite")]
    run = subprocess.run(
        command, env=environment(), preexec_fn=few, capture_output=True, text=True, timeout=60, check=False
    )
    told = "the trace store could not be kept in order, trying again: unable to open database file\n"
    assert (run.returncode, run.stdout, run.stderr) == (0, f"{told}True 0\n", "")


def test_a_reader_that_stays_does_not_make_the_log_grow_without_end(store: Store) -> None:
    """At twice its length the log is full: writers are refused until the reader is gone, and then go on."""
    store.file.keep_below(8 * 2**20)
    with looking_in(store.path), pytest.raises(sqlite3.OperationalError, match="another program reads from it"):
        _fill(store, 100)
    longest = log_bytes(store)
    store.add_spans(request(Made(), trace=1000))
    assert (2 * 2**20 < longest < 3 * 2**20, log_bytes(store) < 2**20) == (True, True)


def test_the_log_counts_as_part_of_the_size(store: Store) -> None:
    """Where the file is within the limit and the log is not, the log is cut and no trace goes."""
    store.file.leave_checkpoints()
    for number in range(1, 41):
        store.add_spans(request(Made(attributes={"text": "x" * 20_000}), trace=number))
    before = log_bytes(store)
    done = collect(store, Limits(size_bytes=before + 400_000))
    assert (done.traces, log_bytes(store), done.bytes_freed >= before) == (0, 0, True)


def test_the_log_is_cut_by_whoever_writes(store: Store) -> None:
    """A log that nobody folds in for long is cut by the next write, not by the next round of the keeper."""
    store.file.leave_checkpoints()
    store.file.keep_below(8 * 2**20)
    _fill(store, 40)
    assert log_bytes(store) < 2 * 2**20


def test_letting_go_takes_the_same_for_each_trace(tmp_path: Path) -> None:
    """Ten times the traces are ten times the work for SQLite, not a hundred times."""
    small, large = (_work_of_collecting(tmp_path / f"{count}.sqlite", count) for count in (300, 3000))
    assert large < 15 * small


def test_nothing_old_is_nothing_to_read(tmp_path: Path) -> None:
    """Looking for what is too old does not read what is not, however much the store holds."""
    with closing(Store(tmp_path / "traces.sqlite")) as store:
        for _ in range(20):
            for _ in range(50):
                store.add_events("proxy", "application/json", b"{}")
        assert _work(store, Limits(age_ns=10**18)) < 20_000


def _fill(store: Store, batches: int) -> None:
    """Store so many batches of 100 KB."""
    for trace in range(1, batches + 1):
        store.add_spans(request(*(Made(id=n, attributes={"text": "x" * 900}) for n in range(1, 101)), trace=trace))


def _work_of_collecting(path: Path, traces: int) -> int:
    """What SQLite has to do to halve a store of so many traces."""
    with closing(Store(path)) as store:
        for trace in range(1, traces + 1):
            store.add_spans(request(Made(attributes={"text": "x" * 900}), trace=trace))
        store.file.cut_log()
        return _work(store, Limits(size_bytes=store.file.bytes_in_use() // 2))


def _work(store: Store, limits: Limits) -> int:
    """How many instructions of its machine SQLite runs to bring a store within its limits."""
    hundreds: list[None] = []
    with store.writing() as connection:
        connection.set_progress_handler(lambda: hundreds.append(None), 100)
    collect(store, limits)
    return 100 * len(hundreds)
