"""Leaving the program: everything is in the ledger, nothing waits for the network, nothing of the host is changed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry import Telemetry
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT, stored
from tests.lifecycle.programs import allowed, environment, result, run, start
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOUND_SECONDS = 2.0

TRACKS = """
    import sys, time
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    for port in range(int(sys.argv[1])):
        telemetry.server_shutdown(sessions_processed=port)
    if sys.argv[2:]:
        time.sleep(float(sys.argv[2]))  # so that sending is under way when the program ends
    print(time.time())
"""
SENDS = """
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    telemetry.server_shutdown()
    print(telemetry.flush(10))
"""


def ports(bodies: list[bytes]) -> list[int]:
    """The ports of the started servers that the bodies tell of."""
    return [port for body in bodies if (port := json.loads(body)["properties"].get("sessionsProcessed")) is not None]


def until(holds: Callable[[], bool]) -> None:
    """Returns once it holds; an AssertionError after five seconds."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def keys(recorder: Recorder) -> list[str | None]:
    """The idempotency keys that arrived."""
    return [request.header("Idempotency-Key") for request in recorder.requests]


@pytest.mark.parametrize("pause", [(), (0.3,)], ids=["at once", "while sending"])
def test_a_sink_that_never_answers(tmp_path: Path, pause: tuple[float, ...]) -> None:
    """A program whose sink never answers ends without waiting, and the next run sends everything, each event once."""
    with Recorder(default=Answer(after=threading.Event())) as hanging:
        said = run(TRACKS, 20, *pause, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=hanging.url))
        assert time.time() - float(said) < BOUND_SECONDS
    assert ports(stored(tmp_path)) == list(range(20))
    with Recorder() as sink:
        assert run(SENDS, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=sink.url)) == "True\n"
        assert ports([request.body for request in sink.requests]) == list(range(20))
        assert len(set(keys(sink))) == len(keys(sink)) == 21


def test_no_key_is_taken_twice(tmp_path: Path, recorder: Recorder) -> None:
    """Programs that end in the middle of sending never have one event accepted twice."""
    variables = allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)
    for _ in range(4):
        run(TRACKS, 25, 0.05, variables=variables)
    assert run(SENDS, variables=variables) == "True\n"
    sent = [entry for entry in Ledger(ledger_file(str(tmp_path), PRODUCT)).events() if entry.state == "sent"]
    assert len(sent) == 101
    assert Counter(ports([entry.body for entry in sent])) == dict.fromkeys(range(25), 4)
    assert {key for key, count in Counter(keys(recorder)).items() if count > 2} == set()


def test_an_exit_handler_of_the_host(tmp_path: Path) -> None:
    """What the host's own exit handlers tell is kept, whether they were registered before or after configure()."""
    program = """
        import atexit
        import otel_agent_telemetry as telemetry

        atexit.register(telemetry.server_shutdown, sessions_processed=1)
        telemetry.configure()
        atexit.register(telemetry.server_shutdown, sessions_processed=2)
    """
    run(program, variables=allowed(tmp_path))
    assert sorted(ports(stored(tmp_path))) == [1, 2]


def test_what_is_open_ends_as_unknown(tmp_path: Path) -> None:
    """A session and a task that never ended have ended with the program, as unknown."""
    program = """
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        session, task = telemetry.session().start(), telemetry.task().start()
    """
    run(program, variables=allowed(tmp_path))
    bodies = [json.loads(body) for body in stored(tmp_path)]
    endings = {body["event"]: body["properties"].get("errorCategory") for body in bodies}
    assert (endings["task.failed"], endings["session.failure"], "session.ended" in endings) == (
        "unknown",
        "unknown",
        True,
    )


EXITS = {
    "sys.exit(3)": 3,
    "raise SystemExit": 0,
    "os.kill(os.getpid(), signal.SIGTERM); time.sleep(10)": -signal.SIGTERM,
    "signal.signal(15, lambda *_: sys.exit(143)); os.kill(os.getpid(), 15); time.sleep(10)": 143,
    "os.kill(os.getpid(), signal.SIGINT); time.sleep(10)": -signal.SIGINT,
    "os._exit(7)": 7,
}


@pytest.mark.parametrize("ending", EXITS)
def test_the_exit_code_is_the_hosts(tmp_path: Path, ending: str) -> None:
    """Whatever way the program ends, its exit code is what it is without us, and what was flushed is kept."""
    program = """
        import os, signal, sys, time
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        telemetry.server_shutdown(sessions_processed=1)
        telemetry.flush(0)
    """
    with start(dedent(program) + ending, variables=allowed(tmp_path)) as process:
        process.communicate(timeout=30)
    assert (process.returncode, ports(stored(tmp_path))) == (EXITS[ending], [1])


def test_kill_nine(tmp_path: Path) -> None:
    """After flush(0) a kill -9 loses nothing."""
    program = """
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        for port in range(50):
            telemetry.server_shutdown(sessions_processed=port)
        telemetry.flush(0)
        print("flushed", flush=True)
        input()
    """
    with start(program, variables=allowed(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "flushed\n"
        process.kill()
    assert ports(stored(tmp_path)) == list(range(50))


SURROUNDINGS = """
    import atexit, asyncio, logging, os, signal, sys, threading, warnings

    def surroundings():
        return {
            "signals": {number: signal.getsignal(number) for number in signal.valid_signals() - {9, 19}},
            "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook, sys.breakpointhook),
            "logging": (logging.root.level, list(logging.root.handlers), logging.lastResort, logging.getLoggerClass()),
            "loggers": {
                name: (logger.level, list(logger.handlers), logger.propagate, logger.disabled)
                for name, logger in logging.root.manager.loggerDict.items()
                if isinstance(logger, logging.Logger) and (logger.handlers or logger.level or logger.disabled)
            },
            "streams": (sys.stdout, sys.stderr, sys.stdin),
            "process": (os.getcwd(), os.umask(0o022), dict(os.environ)),
            "interpreter": (sys.getswitchinterval(), sys.getrecursionlimit()),
            "asyncio": asyncio.get_event_loop_policy() if sys.version_info < (3, 12) else None,
            "warnings": list(warnings.filters),
            "tracing": (sys.gettrace(), sys.getprofile()),
        }

    import opentelemetry.sdk.trace, opentelemetry.sdk.metrics, requests, sqlite3
    opentelemetry.sdk.trace.TracerProvider().get_tracer("host")  # the SDK adds a warnings filter of its own here
    os.umask(0o022)
    before = surroundings()
    import otel_agent_telemetry as telemetry
    telemetry.configure()
    with telemetry.session(), telemetry.task():
        telemetry.record_tokens("gpt-5.2", input=1)
    telemetry.flush(5)
    after = surroundings()
    telemetry.shutdown()
    print([name for name in before if before[name] != after[name]])
"""


def test_nothing_of_the_host_is_changed(tmp_path: Path, recorder: Recorder) -> None:
    """No signal handler, hook, log setting, stream, variable, filter or other state of the process is changed."""
    assert run(SURROUNDINGS, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)) == "[]\n"
    assert len(recorder.requests) > 0


MEMORY = """
    import json, logging, sys, time
    import requests  # so that the moment at the end goes into sending
    import otel_agent_telemetry as telemetry

    logging.disable()
    telemetry.configure()
    for port in range(3):
        telemetry.server_shutdown(sessions_processed=port)
    if sys.argv[1:]:
        telemetry.flush(5)
    print(time.time())
"""


def told_without_a_place(folder: Path, *flushed: str) -> list[int]:
    """What reaches the endpoint from a program that can make no state directory; its id is an ephemeral one."""
    (folder / "file").write_text("not a folder")
    with Recorder() as sink:
        run(MEMORY, *flushed, variables=allowed(folder / "file" / "state", AGENT_TELEMETRY_ENDPOINT=sink.url))
    assert {request.json()["actor_anonymous_id"][:10] for request in sink.requests} <= {"ephemeral_"}
    return ports([request.body for request in sink.requests])


def test_no_place_for_a_ledger(tmp_path: Path) -> None:
    """Where no state directory can be made, events are sent all the same, under an ephemeral id."""
    assert told_without_a_place(tmp_path, "flush") == [0, 1, 2]


def test_no_place_for_a_ledger_at_exit(tmp_path: Path) -> None:
    """What is in memory at the end is sent as far as a bounded moment allows: in order, and at leisure all of it."""
    told = [0]
    for _ in range(8):  # on a busy machine the moment may be too short
        told = told_without_a_place(tmp_path)
        assert told == list(range(len(told)))
        if len(told) == 3:
            break
    assert told == [0, 1, 2]


def test_no_place_and_no_answer(tmp_path: Path) -> None:
    """Where nothing can be kept and the sink never answers, leaving is bounded all the same."""
    (tmp_path / "file").write_text("not a folder")
    with Recorder(default=Answer(after=threading.Event())) as hanging:
        variables = allowed(tmp_path / "file" / "state", AGENT_TELEMETRY_ENDPOINT=hanging.url)
        assert time.time() - float(run(MEMORY, variables=variables)) < BOUND_SECONDS


def test_synchronous(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``synchronous=True`` a call returns when its event is in the ledger and was sent, and has no thread."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    before = set(threading.enumerate())  # those of other tests may be about to end
    acme = Telemetry(product=PRODUCT, state_dir=tmp_path, notice=False, endpoint=recorder.url, synchronous=True)
    for port in range(3):
        acme.server_shutdown(sessions_processed=port)
        assert ports([request.body for request in recorder.requests]) == list(range(port + 1))
    begun = set(threading.enumerate()) - before
    acme.shutdown(0)
    assert [thread.name for thread in begun if thread.name.startswith("agent-telemetry")] == []


def test_synchronous_and_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A synchronous call whose sink refuses returns after one attempt; the event stays for later."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    with Recorder(default=Answer(503)) as sink:
        acme = Telemetry(product=PRODUCT, state_dir=tmp_path, notice=False, endpoint=sink.url, synchronous=True)
        acme.server_shutdown(sessions_processed=1)
        assert len(sink.requests) == 1
        acme.shutdown(0)
    assert Ledger(ledger_file(str(tmp_path), PRODUCT)).counts()["pending"] == 1


def test_consent_withdrawn_in_mid_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Consent that is taken back stops sending and deletes what is pending; given again, events flow."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    with Recorder(default=Answer(503)) as sink:
        acme = Telemetry(product=PRODUCT, state_dir=tmp_path, notice=False, endpoint=sink.url)
        acme.server_shutdown(sessions_processed=1)
        acme.flush(0)
        assert ports(stored(tmp_path)) == [1]
        monkeypatch.setenv("DO_NOT_TRACK", "1")
        until(lambda: not stored(tmp_path))
        acme.server_shutdown(sessions_processed=2)
        acme.flush(0)
        assert (stored(tmp_path), acme.decision().rule) == ([], "DO_NOT_TRACK")
        monkeypatch.delenv("DO_NOT_TRACK")

        def told() -> bool:
            acme.server_shutdown(sessions_processed=3)
            acme.flush(0)
            return bool(stored(tmp_path))

        until(told)
        assert ports(stored(tmp_path)) == [3]
        assert 2 not in ports([request.body for request in sink.requests])
        acme.shutdown(0)


def test_withdrawn_by_the_command(tmp_path: Path) -> None:
    """``agent-telemetry off`` stops a program that is running within a second, and deletes what it had pending."""
    program = """
        import time
        import otel_agent_telemetry as telemetry

        telemetry.configure(endpoint="http://127.0.0.1:9/")
        telemetry.server_shutdown(sessions_processed=1)
        telemetry.flush(0)
        print("flushed", flush=True)
        input()
        time.sleep(1)
        telemetry.server_shutdown(sessions_processed=2)
        telemetry.flush(0)
        print(telemetry.decision().rule)
    """
    variables = allowed(tmp_path)
    with start(program, variables=variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "flushed\n"
        command = [sys.executable, "-m", "otel_agent_telemetry", "off"]
        subprocess.run(command, env=environment(**variables), check=True, capture_output=True, timeout=30)
        rule, _ = process.communicate("\n", timeout=30)
    assert (process.returncode, rule, stored(tmp_path)) == (0, "stored_choice\n", [])


def test_no_output(tmp_path: Path) -> None:
    """A program with telemetry prints what it prints, and nothing on standard error."""
    assert (
        result(
            "import otel_agent_telemetry as t\nt.configure()\nt.server_started()\nprint(1)", variables=allowed(tmp_path)
        )
        == 1
    )


SLOW_DISK = """
    import sys, time
    from importlib.abc import MetaPathFinder
    import otel_agent_telemetry as telemetry

    class SlowDisk(MetaPathFinder):
        found = 0

        def find_spec(self, name, path, target=None):
            if name.startswith("otel_agent_telemetry."):
                SlowDisk.found += 1
                time.sleep(0.06)

    telemetry.configure()
    sys.meta_path.insert(0, SlowDisk())
    telemetry.server_shutdown(sessions_processed=1)
    time.sleep(0.1)
    print(SlowDisk.found > 0, flush=True)
"""


def test_a_program_that_ends_while_its_first_event_is_read(tmp_path: Path) -> None:
    """However slow the machine is at importing what the first event needs, that event is kept."""
    assert run(SLOW_DISK, variables=allowed(tmp_path)) == "True\n"
    assert ports(stored(tmp_path)) == [1]
