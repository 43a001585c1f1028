"""What a program cannot write into its ledger at its end lies beside it, until somebody opens the ledger."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.leftovers import delete_leftovers
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT
from tests.lifecycle.programs import allowed, start

CALLS = """
    import otel_agent_telemetry as telemetry

    telemetry.configure(public_models=["gpt-5.2"])
    telemetry.record_tokens("gpt-5.2", input=3, output=4)
    print("told", flush=True)
    input()
    telemetry.record_tokens("gpt-5.2", input=30, output=40)
    telemetry.server_shutdown(sessions_processed=7)
"""
SLOW = """
    import time
    import otel_agent_telemetry as telemetry
    from otel_agent_telemetry.pipeline.writing import anonymise

    def slow(*_):
        print("slow", flush=True)
        time.sleep(20)

    anonymise.Anonymiser.clean = slow
    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=1)
    time.sleep(0.5)
    for number in range(3):
        telemetry.server_shutdown(sessions_processed=number)
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The ledger of a program that ended while it was locked, and told of tokens before and after."""
    path = Path(ledger_file(str(tmp_path), PRODUCT))
    with start(CALLS, variables=allowed(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "told\n"
        while [entry.state for entry in Ledger(path).events()] != ["counting"]:
            time.sleep(0.01)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        _, complaints = process.communicate("\n", timeout=30)
    other.close()
    assert (process.returncode, complaints) == (0, "")
    return path


def beside(ledger: Path) -> list[Path]:
    """What lies beside it."""
    return [*ledger.parent.glob("*.left-*"), *ledger.parent.glob("*.taken-*")]


def told(ledger: Ledger) -> list[tuple[object, object]]:
    """The number and the tokens that each event tells of."""
    bodies = [json.loads(entry.body)["properties"] for entry in ledger.events()]
    return [(body.get("sessionsProcessed"), body.get("totalTokens")) for body in bodies]


def test_a_count_that_went_on(left: Path) -> None:
    """Tokens whose count stood in the ledger are told once, with what came after it was locked."""
    assert [file.stat().st_mode & 0o777 for file in beside(left)] == [0o600]
    ledger = Ledger(left)
    assert (ledger.take_over(), told(ledger), beside(left)) == (0, [(7, None), (None, 77)], [])


def test_its_taker_was_killed(left: Path) -> None:
    """A file that somebody took and did not come to the end with is taken again, and nothing of it twice."""
    file = beside(left)[0]
    text = file.read_bytes()
    taken = file.rename(str(file).replace(".left-", ".taken-"))
    assert told(Ledger(left)) == [(None, 7)]  # he may be alive still
    for _ in range(2):
        ledger = Ledger(left, clock=lambda: time.time() + 100)
        assert (told(ledger), beside(left)) == ([(7, None), (None, 77)], [])
        taken.write_bytes(text)


def test_a_text_of_somebody_else(left: Path) -> None:
    """What cannot be read says nothing, and is not there for ever."""
    beside(left)[0].write_text('{"events": [1], "losses": {}}')
    assert (told(Ledger(left)), beside(left)) == ([(None, 7)], [])


def test_opted_out_meanwhile(left: Path) -> None:
    """A run that is opted out deletes it with all that waits."""
    delete_leftovers(str(left.parents[1]), PRODUCT, "DO_NOT_TRACK")
    assert (beside(left), told(Ledger(left))) == ([], [])


def test_a_thread_that_does_not_come_to_its_end(tmp_path: Path) -> None:
    """Where our own thread is at work for longer than the end waits, what it has and what is queued is counted."""
    with start(SLOW, variables=allowed(tmp_path)) as process:
        _, complaints = process.communicate(timeout=30)
    drops = Ledger(ledger_file(str(tmp_path), PRODUCT)).drops()
    assert (complaints.split(" events")[0], drops) == ("4", {"ledger_unavailable": 4})
