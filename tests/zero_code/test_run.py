"""Programs without a line of telemetry in them, under ``agent-telemetry run`` and ``opentelemetry-instrument``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.network import reserved_port
from tests.parts import absent
from tests.zero_code.started import AROUND, BIN, OURS, SERVICE, gunicorn, run, serve_and_stop, told, variables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

BOTH = pytest.mark.parametrize("around", AROUND)
COMMANDS = {
    "a Python file": [SERVICE],
    "a module": ["-m", "service"],
    "an interpreter": [sys.executable, SERVICE],
    "a console script": ["service-script"],
}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A folder with a console script in it."""
    file = tmp_path / "bin" / "service-script"
    file.parent.mkdir()
    file.write_text(f"#!{sys.executable}\nimport service\nservice.main()\n", "utf-8")
    file.chmod(0o755)
    return file.parent


@pytest.mark.parametrize("what", COMMANDS)
def test_any_command(tmp_path: Path, script: Path, what: str) -> None:
    """A Python file, a module, an interpreter and a console script run with their arguments, and their events flow."""
    given = variables(tmp_path)
    given["PATH"] = f"{script}:{given['PATH']}"
    done = run(*OURS, *COMMANDS[what], "session", "--flag", given=given)
    assert (done.returncode, done.stderr, json.loads(done.stdout)["arguments"]) == (0, "", ["session", "--flag"])
    assert [each["event"] for each in told(tmp_path)] == ["session.started", "tool.called", "session.ended"]


@BOTH
def test_events_flow(tmp_path: Path, around: str) -> None:
    """Either command configures telemetry from the environment: product, version and source are the variables'."""
    given = variables(tmp_path, AGENT_TELEMETRY_VERSION="2.3.0", AGENT_TELEMETRY_SOURCE="worker")
    assert run(*AROUND[around], sys.executable, SERVICE, "session", given=given).returncode == 0
    about = {(each["product"], each["source"], each["properties"]["version"]) for each in told(tmp_path)}
    assert about == {("acme-agents", "worker", "2.3.0")}


@BOTH
def test_off_leaves_the_program_alone(tmp_path: Path, around: str) -> None:
    """Opted out, the program has one thread, no SDK, no requests and no database in it, and nothing is written."""
    given = variables(tmp_path / "state", ANONYMIZED_TELEMETRY="false")
    plain = {name: value for name, value in given.items() if not name.startswith("COVERAGE_")}  # that uses a database
    done = run(*AROUND[around], sys.executable, SERVICE, "session", given=plain)
    about = json.loads(done.stdout)
    assert (about["loaded"], about["threads"], done.stderr, (tmp_path / "state").exists()) == ([], 1, "", False)


@BOTH
def test_exit_codes(tmp_path: Path, around: str) -> None:
    """The exit code is the program's own."""
    assert run(*AROUND[around], sys.executable, SERVICE, given=variables(tmp_path, CODE=3)).returncode == 3


@BOTH
def test_an_error_of_the_program(tmp_path: Path, around: str) -> None:
    """A program that raises prints its own traceback, without a line of ours, and exits with 1."""
    done = run(*AROUND[around], sys.executable, SERVICE, "raise", given=variables(tmp_path))
    assert (done.returncode, done.stderr.splitlines()[-1], "otel_agent" in done.stderr) == (1, "RuntimeError", False)


@BOTH
def test_a_program_that_a_signal_ends(tmp_path: Path, around: str) -> None:
    """A program that a signal ends was ended by that signal."""
    assert (
        run(*AROUND[around], sys.executable, SERVICE, "signal", given=variables(tmp_path)).returncode == -signal.SIGTERM
    )


@BOTH
def test_signals_reach_the_program(tmp_path: Path, around: str) -> None:
    """A signal to the process that was started is a signal to the program."""
    command = [*AROUND[around], sys.executable, SERVICE, "wait"]
    with subprocess.Popen(command, env=variables(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["arguments"] == ["wait"]
        process.send_signal(signal.SIGINT)
    assert process.returncode in {-signal.SIGINT, 130}


@BOTH
def test_standard_input(tmp_path: Path, around: str) -> None:
    """What is piped in reaches the program."""
    done = run(*AROUND[around], sys.executable, SERVICE, "stdin", given=variables(tmp_path), text="a line\n")
    assert json.loads(done.stdout)["lines"] == "a line\n"


def test_a_wrong_setting_is_told(tmp_path: Path) -> None:
    """A setting that cannot be used is one line on standard error, and the program runs without events."""
    done = run(*OURS, SERVICE, "session", given=variables(tmp_path, AGENT_TELEMETRY_ENDPOINT="http://proxy.example/"))
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "AGENT_TELEMETRY_ENDPOINT" in done.stderr


@pytest.mark.parametrize("command", [["no-such-command"], ["no/such/file.py"]])
def test_a_command_that_is_none(tmp_path: Path, command: list[str]) -> None:
    """A command that cannot be found is named, with what to try."""
    done = run(*OURS, *command, given=variables(tmp_path))
    assert (done.returncode != 0, command[0] in done.stderr, "Traceback" in done.stderr) == (True, True, False)


def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    """A program in another language runs as it is."""
    done = run(*OURS, "sh", "-c", "echo from a shell; exit 5", given=variables(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (5, "from a shell\n", "")


def needs(name: str) -> None:
    """Ends the test where a server is not installed."""
    try:
        version(name)
    except PackageNotFoundError:
        absent(name, f"pip install {name}")


@BOTH
def test_uvicorn(tmp_path: Path, around: str) -> None:
    """A server starts and stops once, as an API server; its port is not told."""
    needs("uvicorn")
    port = reserved_port()
    command = [*AROUND[around], str(BIN / "uvicorn"), "web:app", "--port", str(port), "--log-level", "critical"]
    serve_and_stop(command, port, variables(tmp_path))
    events = [(each["event"], each["source"], "port" in each["properties"]) for each in told(tmp_path)]
    assert events == [("server.started", "api-server", False), ("server.shutdown", "api-server", False)]


def test_gunicorn(tmp_path: Path) -> None:
    """Gunicorn with two forked workers serves, stops with its own exit code, and what each worker did is told once."""
    needs("gunicorn")
    port = reserved_port()
    command, is_up = gunicorn(tmp_path, port, 2)
    assert serve_and_stop([*OURS, *command], port, variables(tmp_path), requests=6, is_up=is_up) == 0
    assert Counter(each["event"] for each in told(tmp_path))["tool.called"] == 6


def test_gunicorn_off(tmp_path: Path) -> None:
    """Opted out, gunicorn serves as ever and nothing is written."""
    needs("gunicorn")
    port, state = reserved_port(), tmp_path / "state"
    command, is_up = gunicorn(tmp_path, port, 2)
    assert serve_and_stop([*OURS, *command], port, variables(state, DO_NOT_TRACK="1"), is_up=is_up) == 0
    assert not state.exists()


NAMED = """
    import click
    import otel_agent_telemetry as telemetry

    @click.command()
    def main():
        telemetry.configure(product="named-in-code", version="2.3.0")
        with telemetry.session(), telemetry.tool("web_search"):
            pass

    main()
"""


def test_a_product_that_its_code_names(tmp_path: Path, recorder: Recorder) -> None:
    """What ``configure(product=)`` says under ``run`` is the one product, the one ledger, and the one service name."""
    (tmp_path / "service.py").write_text(dedent(NAMED), "utf-8")
    given = variables(tmp_path / "state", OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url)
    del given["AGENT_TELEMETRY_PRODUCT"]
    assert run(*OURS, str(tmp_path / "service.py"), given=given).stderr == ""
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["named-in-code"]
    events = [each["event"] for each in told(tmp_path / "state", "named-in-code")]
    assert events == ["session.started", "tool.called", "session.ended", "command.executed"]
    assert services(recorder) == {"named-in-code"}


def test_a_program_whose_code_says_no(tmp_path: Path) -> None:
    """What was told before the program's code says no is kept nowhere."""
    said_no = dedent(NAMED).replace('"2.3.0")', '"2.3.0", enabled=False)')
    (tmp_path / "service.py").write_text(said_no, "utf-8")
    given = variables(tmp_path / "state")
    del given["AGENT_TELEMETRY_PRODUCT"]
    assert run(*OURS, str(tmp_path / "service.py"), given=given).returncode == 0
    assert not (tmp_path / "state").exists()


def test_the_service_name_of_a_spawned_process(tmp_path: Path, recorder: Recorder) -> None:
    """A program that says nothing is called after its file, and so is a process that it spawns."""
    spawning = """
        import multiprocessing
        from opentelemetry import trace

        if __name__ == "__main__":
            multiprocessing.get_context("spawn").Process(target=print).start()
        trace.get_tracer("acme").start_span("x").end()
    """
    (tmp_path / "spawning.py").write_text(dedent(spawning), "utf-8")
    given = variables(tmp_path / "state", OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url)
    del given["AGENT_TELEMETRY_PRODUCT"]
    assert run(*OURS, str(tmp_path / "spawning.py"), given=given).returncode == 0
    assert services(recorder) == {"spawning"}


def services(recorder: Recorder) -> set[str]:
    """The service names of the spans that came."""
    bodies = [request.body for request in recorder.requests if request.path == "/v1/traces"]
    batches = [batch for body in bodies for batch in ExportTraceServiceRequest.FromString(body).resource_spans]
    pairs = [pair for batch in batches for pair in batch.resource.attributes]
    return {pair.value.string_value for pair in pairs if pair.key == "service.name"}
