"""A ledger that another process holds locked, a backup for instance, holds up nobody."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry._deadline import Leaving, Within, left_for_others, left_of_flush
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.errors import LedgerError
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT, stored
from tests.lifecycle.programs import allowed, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOUND_SECONDS = 2.0  # a step that does not keep to its time takes five

PROGRAM = """
    import os, sys, time
    import otel_agent_telemetry as telemetry

    def forks():
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)

    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=1)
    time.sleep(0.3)
    began = time.monotonic()
    print(eval(sys.argv[1]), time.monotonic() - began, time.time(), flush=True)
"""
STEPS = {
    "None": "None",
    "forks()": "None",
    "telemetry.flush(0)": "False",
    "telemetry.flush(0.2)": "False",
    "telemetry.shutdown(0.5)": "None",
}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else, who is at work in a ledger that holds nothing."""
    path = ledger_file(str(tmp_path), PRODUCT)
    Ledger(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield connection
    connection.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_locked_ledger(tmp_path: Path, other: sqlite3.Connection, step: str) -> None:
    """Whatever the program does, and its end, keep to their time; what it told is taken up by whoever comes next."""
    with start(PROGRAM, step, variables=allowed(tmp_path)) as process:
        output, _ = process.communicate(timeout=30)
    said, seconds, ended = output.split()
    assert (process.returncode, said) == (0, STEPS[step])
    assert (float(seconds) < BOUND_SECONDS, time.time() - float(ended) < BOUND_SECONDS) == (True, True)
    other.close()
    for _ in range(2):  # once it is taken up it is not taken up again
        ledger = Ledger(ledger_file(str(tmp_path), PRODUCT))
        assert ([entry.name for entry in ledger.events()], ledger.drops()) == (["server.shutdown"], {})
    assert not [*(tmp_path / PRODUCT).glob("*.left-*"), *(tmp_path / PRODUCT).glob("*.taken-*")]


def test_a_locked_folder(tmp_path: Path) -> None:
    """A process that was stopped while it held the folder's lock does not hold up the next one's end."""
    folder = tmp_path / PRODUCT
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with start(PROGRAM, "telemetry.flush(0.2)", variables=allowed(tmp_path)) as process:
        output, _ = process.communicate(timeout=30)
    os.close(descriptor)
    assert (output.split()[0], time.time() - float(output.split()[2]) < BOUND_SECONDS) == ("False", True)


def test_a_short_wait(tmp_path: Path) -> None:
    """What is locked for a moment only, as by another process that writes, is waited for."""
    path = ledger_file(str(tmp_path), PRODUCT)
    Ledger(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    step = "print('locked', flush=True) or telemetry.flush(25)"
    with start(PROGRAM, step, variables=allowed(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        connection.close()
        assert process.communicate(timeout=30)[0].split()[0] == "True"
    assert [json.loads(body)["properties"]["sessionsProcessed"] for body in stored(tmp_path)] == [1]


def test_a_flush_within_another() -> None:
    """One without a time of its own has what is left of the flush around it, except on the way out of the program."""
    assert left_of_flush(1) == 1
    with Within(20):
        assert left_of_flush(1) > 10
        with Leaving():
            assert left_of_flush(1) == 1


def test_a_moment_for_others(tmp_path: Path, other: sqlite3.Connection) -> None:
    """Whoever leaves gives the one who is at work in the ledger one moment, however many steps are left."""
    ledger = Ledger(ledger_file(str(tmp_path), PRODUCT), opens=False)
    with Within(1), Leaving():
        moment = left_for_others(1)
        with pytest.raises(LedgerError, match="locked"):
            ledger.delete_pending()
    with Within(1), Leaving():
        assert left_for_others(1) < moment / 2
    other.close()
    with Within(1), Leaving():
        ledger.delete_pending()
    with Within(1), Leaving():
        assert left_for_others(1) > moment / 2
    ledger.close()
