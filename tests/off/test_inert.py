from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.consent import store_choice
from tests.cli.command import Done, environment, execute, program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

# Notes what the interpreter is about to do on anybody's behalf (PEP 578), from before the first import of ours.
# Python 3.12 and later tell of new threads; before that, a thread needs the module threading.
WATCHED = """
    import os, sys

    noted = []
    WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    CHANGES = ("os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate")
    STARTS = ("_thread.start", "os.exec", "os.fork", "os.posix_spawn", "os.system", "subprocess.")

    def note(event, args):
        if event == "open" and args[2] & WRITES:
            noted.append(f"{event} {args[0]}")
        elif event.startswith(("socket.", "sqlite3.", *CHANGES, *STARTS)):
            noted.append(event)

    sys.addaudithook(note)
    import otel_agent_telemetry as telemetry
"""
CALLS = """
    telemetry.configure(product="acme-agents", endpoint=os.environ["ENDPOINT"], opt_out_env="ACME_TELEMETRY")
    with telemetry.session(agent="planner") as session, telemetry.task("research", source="slack", priority=2) as task:
        with telemetry.tool("web_search"), telemetry.agent("planner"), telemetry.model_call("gpt-5.2") as call:
            call.record(input=1200, output=300)
        with telemetry.command("run"), telemetry.workflow("nightly"):
            telemetry.record_tokens("gpt-5.2", input=1200, output=300, cost_usd=0.013)
    telemetry.track("agent.registered", role="worker")
    telemetry.track_command("run")
    telemetry.feedback(score=1, explanation="to the point")
    telemetry.server_shutdown(sessions_processed=80)
    telemetry.server_shutdown(signal="SIGTERM")
    carrier = telemetry.create_task("research", source="slack")
    with telemetry.run_task(carrier, claimed=True):
        telemetry.declare_source("worker")
    telemetry.cancel_task(carrier)
    telemetry.fail_task(carrier, "TimeoutError")
    telemetry.supersede_task(carrier, reason="crash_recovery")
    telemetry.flush()
    telemetry.shutdown()
"""
SHOWN = """
    heavy = ["asyncio", "json", "opentelemetry.sdk", "opentelemetry.exporter", "requests", "sqlite3", "threading"]
    print(noted, [name for name in heavy if name in sys.modules])
"""
OFF = {
    "do not track": {"DO_NOT_TRACK": "1"},
    "anonymized telemetry": {"ANONYMIZED_TELEMETRY": "false"},
    "telemetry enabled": {"TELEMETRY_ENABLED": "0"},
    "the product's own": {"ACME_TELEMETRY": "off"},
    "a test run": {"PYTEST_VERSION": "9.0.1"},
}
INERT = Done(0, "[] []\n", "")


def watched(recorder: Recorder, code: str, **variables: str) -> Done:
    """Run a program that is watched, in an environment where nothing else writes files."""
    given = environment(ENDPOINT=recorder.url, **variables)
    plain = {name: value for name, value in given.items() if not name.startswith("COVERAGE_")}
    return execute([sys.executable, "-c", _lines(WATCHED) + _lines(code) + _lines(SHOWN)], plain)


def _lines(code: str) -> str:
    return "".join(line.removeprefix("    ") + "\n" for line in code.splitlines())


@pytest.mark.parametrize("variables", OFF.values(), ids=OFF)
def test_opted_out_is_inert(recorder: Recorder, tmp_path: Path, variables: dict[str, str]) -> None:
    """An opted-out program writes no file, opens no socket, starts no thread and imports nothing heavy for us."""
    assert watched(recorder, CALLS, AGENT_TELEMETRY_STATE_DIR=str(tmp_path / "state"), **variables) == INERT
    assert ([*tmp_path.iterdir()], recorder.requests) == ([], [])


def test_switched_off_in_code_is_inert(recorder: Recorder, tmp_path: Path) -> None:
    """``configure(enabled=False)`` is as good as any other no."""
    code = CALLS.replace("product=", "enabled=False, product=")
    assert watched(recorder, code, AGENT_TELEMETRY_STATE_DIR=str(tmp_path / "state")) == INERT
    assert ([*tmp_path.iterdir()], recorder.requests) == ([], [])


def test_switched_off_by_the_sdk_variable_is_inert(recorder: Recorder, tmp_path: Path) -> None:
    """OTEL_SDK_DISABLED=true switches off the operator's path too."""
    operator = {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.url}
    assert watched(recorder, CALLS, AGENT_TELEMETRY_STATE_DIR=str(tmp_path / "state"), **operator) == INERT
    assert ([*tmp_path.iterdir()], recorder.requests) == ([], [])


def test_a_stored_choice_is_inert(recorder: Recorder, tmp_path: Path) -> None:
    """After ``agent-telemetry off`` a program only reads the choice, for which it needs to parse JSON."""
    store_choice(str(tmp_path), enabled=False)
    done = watched(recorder, CALLS, AGENT_TELEMETRY_STATE_DIR=str(tmp_path))
    assert (done, [path.name for path in tmp_path.iterdir()]) == (Done(0, "[] ['json']\n", ""), ["consent.json"])


def test_the_watch_sees_what_it_should(recorder: Recorder, tmp_path: Path) -> None:
    """The same program with consent does all of it: the watch is not blind."""
    done = watched(recorder, CALLS, AGENT_TELEMETRY_STATE_DIR=str(tmp_path))
    seen = [
        word for word in ("open ", "os.mkdir", "socket.connect", "sqlite3.connect", "'threading'") if word in done.out
    ]
    assert (done.code, len(seen), len(recorder.wait(1)) > 0) == (0, 5, True)


def test_importing_is_inert(recorder: Recorder) -> None:
    """Importing the package does nothing of it either."""
    assert watched(recorder, "") == INERT


def test_handles_of_an_opted_out_program() -> None:
    """Opted out, every call gives a handle that can be used in every way, and what it decorates is left as it is."""
    code = """
    import asyncio
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", enabled=False)
    handles = [
        telemetry.session(), telemetry.task("a"), telemetry.run_task({"task_id": "a"}), telemetry.tool("a"),
        telemetry.agent("a"), telemetry.model_call("a"), telemetry.command("a"), telemetry.workflow("a"),
    ]

    async def enter(handle):
        async with handle as entered:
            return entered

    def function():
        return 1

    for handle in handles:
        with handle as entered:
            assert entered is handle
        assert asyncio.run(enter(handle)) is handle
        assert handle(function) is function
        handle.start(parent=handle, make_current=False).end(ValueError(), outcome="error")
        handle.fail("TimeoutError")
        handle.cancel()
        handle.set(model="a")
        handle.record(input=1)
        assert (handle.id, handle.attributes) == (None, {})
    print(telemetry.current_session(), telemetry.current_task(), telemetry.active(), telemetry.flush())
    print(telemetry.child_environment({"A": "b"}), telemetry.decision())
    """
    expected = """\
None None False True
{'A': 'b'} Decision(enabled=False, rule='argument', reason='configure(enabled=False)')
"""
    assert program(code) == Done(0, expected, "")


def test_carriers_of_an_opted_out_program() -> None:
    """Opted out, a new task still has an id that the queue can carry, made up or given."""
    code = """
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", enabled=False)
    made, other, given = telemetry.create_task("a"), telemetry.create_task("a"), telemetry.create_task("a", id="7")
    print(sorted(made), made["task_id"] != other["task_id"], given)
    """
    assert program(code) == Done(0, "['task_id'] True {'task_id': '7'}\n", "")


def test_exceptions_of_an_opted_out_program() -> None:
    """Opted out, the host's exceptions pass through as they are."""
    code = """
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", enabled=False)
    error = KeyError("of the host")
    try:
        with telemetry.task("a"):
            raise error
    except KeyError as caught:
        print(caught is error)
    """
    assert program(code) == Done(0, "True\n", "")


def test_without_configure() -> None:
    """A program that never calls configure() collects nothing, and its calls work."""
    code = """
    import otel_agent_telemetry as telemetry

    with telemetry.session(), telemetry.task("a"):
        telemetry.server_shutdown(sessions_processed=80)
    print(telemetry.decision(), telemetry.flush())
    """
    reason = "Decision(enabled=False, rule='not_configured', reason='configure() was not called')"
    assert program(code) == Done(0, f"{reason} True\n", "")


def test_opted_out_does_not_cost_the_operator_his_traces(recorder: Recorder, tmp_path: Path) -> None:
    """Where the operator has an exporter of his own, opting out leaves him his traces, and makes no event or id."""
    operator = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{recorder.url}/otlp", "OTEL_METRICS_EXPORTER": "none"}
    state = tmp_path / "state"
    done = watched(recorder, CALLS, DO_NOT_TRACK="1", AGENT_TELEMETRY_STATE_DIR=str(state), **operator)
    assert (done.code, {request.path for request in recorder.requests}, state.exists()) == (
        0,
        {"/otlp/v1/traces"},
        False,
    )


def test_an_exporter_does_not_switch_events_on(recorder: Recorder, tmp_path: Path) -> None:
    """Configuring OTLP never turns events on: whoever said no has said so."""
    operator = {"OTEL_TRACES_EXPORTER": "otlp,agent_events", "OTEL_EXPORTER_OTLP_ENDPOINT": f"{recorder.url}/otlp"}
    state = tmp_path / "state"
    watched(recorder, CALLS, TELEMETRY_ENABLED="no", AGENT_TELEMETRY_STATE_DIR=str(state), **operator)
    assert ([request.path for request in recorder.requests if "otlp" not in request.path], state.exists()) == (
        [],
        False,
    )
