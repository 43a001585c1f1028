from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.pipeline.sending.uploader import Uploader
from tests.delivery.programs import CROWD, run, start
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from pathlib import Path

APPEND = """
    import sys, time
    from otel_agent_telemetry.pipeline.sending.ledger import Ledger

    def row(text):
        return ("task.started", text.encode(), "application/json", "key-" + text, time.time())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is, in a folder that is not there yet."""
    return tmp_path / "acme-agents" / "ledger.db"


def bodies(path: Path) -> list[str]:
    """What the ledger holds."""
    with closing(Ledger(path)) as ledger:
        return [entry.body.decode() for entry in ledger.events()]


def test_kill_nine(path: Path) -> None:
    """A kill -9 loses nothing that append() has returned for, and leaves no half of an event."""
    program = """
    number = 0
    ledger = Ledger(sys.argv[1])
    while True:
        ledger.append([row(str(number))])
        print(number, flush=True)
        number += 1
    """
    with start(APPEND + program, path) as process:
        assert process.stdout is not None
        promised = [process.stdout.readline().strip() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        promised += process.stdout.read().split()
    assert bodies(path)[: len(promised)] == promised


def test_sixty_four_processes(path: Path) -> None:
    """64 processes that start at once on a ledger that is not there yet lose nothing."""
    program = """
    def work(number):
        ledger = Ledger(sys.argv[1])
        for part in range(5):
            ledger.append([row(f"{number}.{part}")])
    assert crowd(64, work) == [0] * 64
    """
    run(APPEND + CROWD + program, path)
    assert Counter(bodies(path)) == Counter(f"{number}.{part}" for number in range(64) for part in range(5))


def test_fork(path: Path) -> None:
    """Parent and child of a fork both go on with the ledger, and both see what both wrote."""
    program = """
    ledger = Ledger(sys.argv[1])
    ledger.append([row("before")])
    assert crowd(2, lambda number: ledger.append([row(f"child {number}")])) == [0, 0]
    ledger.append([row("after")])
    print(len(ledger.events()))
    """
    assert run(APPEND + CROWD + program, path) == ["4"]
    assert sorted(bodies(path)) == ["after", "before", "child 0", "child 1"]


def test_fork_under_load(path: Path) -> None:
    """Forks in the middle of another thread's appends lose nothing and hang nobody."""
    program = """
    import threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: that is the test
    ledger, done = Ledger(sys.argv[1]), threading.Event()
    def load():
        count = 0
        while not done.wait(0.001):  # so that a ledger, which keeps 10,000 events, keeps all of these
            ledger.append([row(f"parent {count}")])
            count += 1
        print(count)
    thread = threading.Thread(target=load)
    thread.start()
    for turn in range(20):
        assert crowd(2, lambda number: ledger.append([row(f"child {turn}.{number}")])) == [0, 0]
    done.set()
    thread.join()
    """
    (count,) = run(APPEND + CROWD + program, path)
    expected = [f"parent {number}" for number in range(int(count))]
    expected += [f"child {turn}.{number}" for turn in range(20) for number in range(2)]
    assert sorted(bodies(path)) == sorted(expected)


def test_fork_while_opening(path: Path) -> None:
    """A child that was forked while another thread opened a ledger can open one: nothing of SQLite's is held in it."""
    program = """
    import os, signal, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: that is the test
    done = threading.Event()
    def load():
        while not done.wait(0.005):  # so that others have their turn at the folder's lock
            Ledger(sys.argv[1]).close()
    def work(number):
        signal.alarm(20)
        Ledger(sys.argv[1]).append([row(f"child {number}")])
    thread = threading.Thread(target=load)
    thread.start()
    print([code for turn in range(15) for code in crowd(1, work) if code])
    done.set()
    thread.join()
    """
    assert run(APPEND + CROWD + program, path) == ["[]"]


def test_fork_in_memory() -> None:
    """A ledger in memory is of one process: a child does not send again what its parent holds."""
    program = """
    ledger = Ledger(None)
    ledger.append([row("of the parent")])
    crowd(1, lambda number: say(ledger.counts()["pending"]))
    say(ledger.counts()["pending"])
    """
    assert run(APPEND + CROWD + program) == ["0", "1"]


def test_leaving_child(path: Path) -> None:
    """A child that was forked in mid-send and leaves does not give its parent's lease away."""
    program = """
    from otel_agent_telemetry.pipeline.sending._transport import Reply
    from otel_agent_telemetry.pipeline.sending.uploader import Uploader

    ledger = Ledger(sys.argv[1])
    ledger.append([row("a")])

    def transport(post):
        assert crowd(1, lambda number: uploader.leave()) == [0]
        say(ledger.claim_next("another", lease_seconds=15).is_holder)
        return Reply(status=200)

    uploader = Uploader(ledger, "https://x/", "acme-agents/2.3.0", transport=transport)
    say(uploader.send_once().sent)
    """
    assert run(APPEND + CROWD + program, path) == ["False", "1"]


SEND = """
    import time
    from otel_agent_telemetry.pipeline.sending.uploader import Uploader

    def send_all(path, url):
        ledger = Ledger(path)
        uploader = Uploader(ledger, url, "acme-agents/2.3.0")
        until = time.monotonic() + 30
        while ledger.counts()["pending"]:
            assert time.monotonic() < until
            uploader.send_once()
            time.sleep(0.002)  # a turn of the worker's loop
"""


def test_many_senders(path: Path, recorder: Recorder) -> None:
    """However many processes of a product send, each event goes out once."""
    with closing(Ledger(path)) as ledger:
        ledger.append([("task.started", b"{}", "application/json", f"key-{n}", 1.8e9) for n in range(100)])
    program = """
    assert crowd(6, lambda number: send_all(sys.argv[1], sys.argv[2])) == [0] * 6
    """
    run(APPEND + CROWD + SEND + program, path, recorder.url)
    keys = Counter(request.header("idempotency-key") for request in recorder.requests)
    assert keys == Counter(f"key-{n}" for n in range(100))


def test_sender_killed_in_mid_send(path: Path, recorder: Recorder) -> None:
    """What a killed sender had under way goes out again under its old key, once its lease has run out."""
    with closing(Ledger(path)) as ledger:
        ledger.append([("task.started", b"{}", "application/json", "key-1", 1.8e9)])
    recorder.answers.append(Answer(after=threading.Event()))
    with start(APPEND + SEND + "    send_all(sys.argv[1], sys.argv[2])", path, recorder.url) as process:
        recorder.wait(1)
        process.kill()
    with closing(Ledger(path)) as ledger:
        assert ledger.counts()["pending"] == 1
        assert not ledger.claim_next("another", lease_seconds=15).is_holder
    with closing(Ledger(path, clock=lambda: time.time() + 16)) as later:
        Uploader(later, recorder.url, "acme-agents/2.3.0").send_once()
    assert [request.header("idempotency-key") for request in recorder.requests] == ["key-1", "key-1"]
