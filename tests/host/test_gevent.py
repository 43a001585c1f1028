"""Under gevent, patched in early or late, the program's signals, its speed and its end are what they were."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, environment, run, start
from tests.network import reserved_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

EARLY = """
    from gevent import monkey
    monkey.patch_all()
    import signal, sys, time
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=1)
    time.sleep(0.2)
    telemetry.flush(5)
    print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []) - before), flush=True)
    time.sleep(30)
"""
LATE = """
    import time, warnings
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    for number in range(60):
        telemetry.server_shutdown(sessions_processed=number)
    time.sleep(0.15)
    warnings.simplefilter("ignore")
    from gevent import monkey
    monkey.patch_all()
    import gevent

    def tell(number):
        for each in range(10 * number, 10 * number + 10):
            telemetry.server_shutdown(sessions_processed=each)
            gevent.sleep(0.001)

    gevent.joinall([gevent.spawn(tell, number) for number in range(6, 15)])
"""
BESIDE_EACH_OTHER = """
    import warnings
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=0)
    telemetry.flush(20)
    warnings.simplefilter("ignore")
    from gevent import monkey
    monkey.patch_all()
    import gevent

    def tell(number):
        for each in range(100 * number + 1, 100 * number + 101):
            telemetry.server_shutdown(sessions_processed=each)
        gevent.sleep(0.03)  # the round that writes them is under way
        telemetry.flush(20)

    gevent.joinall([gevent.spawn(tell, number) for number in range(5)])
"""
FLUSHED = """
    print(telemetry.flush(20))
"""
SERVED = """
import otel_agent_telemetry as telemetry

telemetry.configure()

def app(environ, start_response):
    telemetry.server_shutdown(sessions_processed=1)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends a patched program after its first event as it does before, and none is blocked."""
    with start(EARLY, variables=allowed(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[]\n"
        process.send_signal(number)
        assert process.wait(20) == -number


@pytest.mark.parametrize("sends", [False, True])
def test_patched_late(tmp_path: Path, recorder: Recorder, *, sends: bool) -> None:
    """A program that patches after its first events, in the middle of sending or not, ends well and loses none."""
    variables = {"AGENT_TELEMETRY_ENDPOINT": recorder.url} if sends else {}
    for attempt in range(5):
        run(LATE, variables=allowed(tmp_path / str(attempt), **variables))
        told = [json.loads(body)["properties"]["sessionsProcessed"] for body in stored(tmp_path / str(attempt))]
        assert sorted(told) == [*range(150)]


def test_greenlets_that_write_beside_each_other(tmp_path: Path) -> None:
    """After a late patch, what several greenlets tell and flush at once is written once."""
    run(BESIDE_EACH_OTHER, variables=allowed(tmp_path))
    told = [json.loads(body)["properties"]["sessionsProcessed"] for body in stored(tmp_path)]
    assert sorted(told) == [*range(501)]


def test_sends_after_a_late_patch(tmp_path: Path, recorder: Recorder) -> None:
    """What is told after the patch is sent by the program that told it, as soon as it is asked for."""
    told = run(LATE + FLUSHED, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url))
    assert told == "True\n"
    bodies = [json.loads(request.body)["properties"]["sessionsProcessed"] for request in recorder.requests]
    assert sorted(bodies) == [*range(150)]


def test_gunicorn(tmp_path: Path) -> None:
    """A gevent worker that has told an event stops when it is asked to, not when gunicorn's patience ends."""
    (tmp_path / "served.py").write_text(SERVED, "utf-8")
    port = reserved_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "--graceful-timeout", "25", "-b", f"127.0.0.1:{port}"]
    variables = environment(**allowed(tmp_path / "state"))
    with subprocess.Popen([*command, "served:app"], cwd=tmp_path, env=variables, stderr=subprocess.DEVNULL) as server:
        assert answer(port) == b"ok"
        began = time.monotonic()
        server.terminate()
        server.wait(40)
        assert time.monotonic() - began < 20
    assert len(stored(tmp_path / "state")) == 1


def answer(port: int) -> bytes:
    """What the server says, once it is up."""
    deadline = time.monotonic() + 20
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        finally:
            connection.close()
