"""Events wait in memory, counted one by one, while the ledger or the identity is not there."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry import HTTPStore, Telemetry, _losses
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT, stored
from tests.lifecycle.programs import allowed, start
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IDENTITY = {
    "telemetry_installation_id": "install_0123456789abcdef",
    "telemetry_installed_at": "2026-11-20T10:00:00.000Z",
    "telemetry_reference_key": "0" * 64,
}


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    _losses.take()
    yield
    _losses.take()


def ports(folder: Path) -> list[int]:
    """The ports that are kept, in their order."""
    return [json.loads(body)["properties"]["sessionsProcessed"] for body in stored(folder)]


def test_a_ledger_that_is_locked_for_a_while(tmp_path: Path) -> None:
    """What is told while another process holds the ledger is kept once it lets go; flush() says which it is."""
    acme = Telemetry(product=PRODUCT, state_dir=tmp_path, notice=False)
    acme.server_shutdown(sessions_processed=1)
    assert acme.flush(5)
    with closing(sqlite3.connect(ledger_file(str(tmp_path), PRODUCT), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        acme.server_shutdown(sessions_processed=2)
        assert not acme.flush(0.3)
        acme.server_shutdown(sessions_processed=3)
        assert not acme.flush(0.3)
        other.execute("ROLLBACK")
    assert acme.flush(5)
    acme.shutdown(0)
    assert ports(tmp_path) == [1, 2, 3]
    assert Ledger(ledger_file(str(tmp_path), PRODUCT)).drops() == {}


def test_a_ledger_that_is_taken_away(tmp_path: Path) -> None:
    """Where the folder cannot be written any more events wait until it can."""
    acme = Telemetry(product=PRODUCT, state_dir=tmp_path / "state", notice=False)
    acme.server_shutdown(sessions_processed=0)
    assert acme.flush(5)
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    (tmp_path / "state").write_text("no folder")
    acme.server_shutdown(sessions_processed=1)
    assert not acme.flush(0.3)
    (tmp_path / "state").unlink()
    assert acme.flush(5)
    acme.shutdown(0)
    assert (ports(tmp_path / "state"), Ledger(ledger_file(str(tmp_path / "state"), PRODUCT)).drops()) == ([1], {})


def test_a_worker_that_is_up_before_its_server(tmp_path: Path) -> None:
    """Events wait for the identity that the server has; flush() says no until it is there."""
    with Recorder(Answer(503), default=Answer(body=json.dumps(IDENTITY).encode())) as server:
        store = HTTPStore(f"{server.url}/telemetry")
        acme = Telemetry(product=PRODUCT, state_dir=tmp_path, notice=False, store=store)
        acme.server_shutdown(sessions_processed=1)
        server.wait(1)
        acme.server_shutdown(sessions_processed=2)
        assert acme.flush(5) or acme.flush(5)
        acme.shutdown(0)
    assert ports(tmp_path) == [1, 2]


UNIDENTIFIED = """
    import sys, time
    import otel_agent_telemetry as telemetry

    telemetry.configure(store=telemetry.HTTPStore(sys.argv[1]))
    for port in range(2):
        telemetry.server_started()
        telemetry.server_shutdown()
        time.sleep(0.3 * (1 - port))  # two wait in the thread that asks for the identity, two before it
"""


def test_no_identity_until_the_end(tmp_path: Path) -> None:
    """What no identity came for is lost with the program: each event counted once, and said."""
    with (
        Recorder(default=Answer(after=threading.Event())) as hanging,
        start(UNIDENTIFIED, hanging.url, variables=allowed(tmp_path)) as process,
    ):
        _, said = process.communicate(timeout=30)
    drops = Ledger(ledger_file(str(tmp_path), PRODUCT)).drops()
    assert (said.split(" events")[0], drops) == ("4", {"ledger_unavailable": 4})
