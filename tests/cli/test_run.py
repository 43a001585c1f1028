from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._traces_go import traces_go
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.cli.command import COMMAND, ROOT, SOURCES, Done, agent_telemetry, all_of, environment, execute

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.recorder import Recorder

SERVICE = """
    import sys
    import otel_agent_telemetry as telemetry

    print(sys.argv[1:], telemetry.active(), telemetry.decision().rule)
    telemetry.server_shutdown(sessions_processed=80)
"""
FRAMEWORKS = ",".join(entry.name for entry in entry_points(group="opentelemetry_instrumentor"))
NO_INSTRUMENTATION = (
    "`agent-telemetry run` needs our framework modules: pip install 'otel-agent-telemetry[instrument]'."
)


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A program that never calls configure(), as a file and as a module."""
    file = tmp_path / "service.py"
    file.write_text(dedent(SERVICE))
    return file


def run(*command: object, **variables: object) -> Done:
    """Run ``agent-telemetry run -- COMMAND`` for a product, without the time that importing frameworks takes."""
    given = {"AGENT_TELEMETRY_PRODUCT": "acme-agents", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": FRAMEWORKS, **variables}
    return agent_telemetry("run", "--", *command, **given)


def recorded(folder: Path) -> list[str]:
    """The names of the events in the product's ledger."""
    path = ledger_file(str(folder), "acme-agents")
    if not Path(path).exists():
        return []
    with closing(Ledger(path)) as ledger:
        return [entry.name for entry in ledger.events()]


def test_debug(service: Path, tmp_path: Path) -> None:
    """``--debug`` prints each event on standard error, byte for byte, and keeps none."""
    done = agent_telemetry(
        *("run", "--debug", "--", service),
        AGENT_TELEMETRY_PRODUCT="acme-agents",
        AGENT_TELEMETRY_STATE_DIR=tmp_path,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=FRAMEWORKS,
    )
    printed = [json.loads(line)["event"] for line in done.err.splitlines() if line.startswith("{")]
    assert (done.code, printed, recorded(tmp_path)) == (0, ["server.shutdown"], [])


def test_a_python_file(service: Path, tmp_path: Path) -> None:
    """A Python file runs with this interpreter and its own arguments, instrumented for every framework."""
    state = tmp_path / "state"
    done = run(service, "--port", "80", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="", AGENT_TELEMETRY_STATE_DIR=state)
    assert done == Done(0, "['--port', '80'] True default\n", "")
    assert recorded(state) == ["server.shutdown"]


def test_a_module(service: Path, tmp_path: Path) -> None:
    """``-m module`` runs a module."""
    path, state = os.pathsep.join([SOURCES, str(service.parent)]), tmp_path / "state"
    done = run("-m", "service", "-x", PYTHONPATH=path, AGENT_TELEMETRY_STATE_DIR=state)
    assert (done, recorded(state)) == (Done(0, "['-x'] True default\n", ""), ["server.shutdown"])


def test_a_console_script(service: Path, tmp_path: Path) -> None:
    """Any other word is a command of the PATH: here a console script."""
    script, state = tmp_path / "acme-serve", tmp_path / "state"
    script.write_text(f"#!{sys.executable}\n{service.read_text()}")
    script.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    done = run("acme-serve", "run", PATH=path, AGENT_TELEMETRY_STATE_DIR=state)
    assert (done, recorded(state)) == (Done(0, "['run'] True default\n", ""), ["server.shutdown"])


def test_a_shell_command_that_starts_python(service: Path, tmp_path: Path) -> None:
    """A Python program that the command starts in its turn is instrumented too."""
    state = tmp_path / "state"
    done = run("sh", "-c", f"'{sys.executable}' '{service}' below", AGENT_TELEMETRY_STATE_DIR=state)
    assert (done, recorded(state)) == (Done(0, "['below'] True default\n", ""), ["server.shutdown"])


def test_an_unknown_command() -> None:
    """What is neither a command nor a file is named, with what to try."""
    words = "'acme-serve' is no command, no Python file and no module; try `agent-telemetry run -- -m acme-serve`."
    assert run("acme-serve") == Done(1, "", f"agent-telemetry: {words}\n")


def test_no_command() -> None:
    """Without a command it is wrong use."""
    done = agent_telemetry("run")
    assert (done.code, done.out, "Missing argument" in done.err) == (2, "", True)


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_codes(code: int) -> None:
    """The exit code is the command's own."""
    assert run("sh", "-c", f"exit {code}") == Done(code, "", "")


@contextmanager
def waiting() -> Generator[subprocess.Popen[str]]:
    """A command under way that has said that it is."""
    code = "import sys; print('here', flush=True); sys.stdin.read()"
    command = [*COMMAND, "run", "--", sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment(DO_NOT_TRACK="1"), text=True, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        yield process
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_signals(number: signal.Signals) -> None:
    """The process becomes the command, so that a signal reaches it and its end by one is seen."""
    with waiting() as process:
        process.send_signal(number)
        assert process.wait(20) == -number


def test_interrupt() -> None:
    """Ctrl-C is the program's own to handle: Python ends by SIGINT, with its traceback."""
    with waiting() as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.splitlines()[-1]) == (-signal.SIGINT, "KeyboardInterrupt")


def test_a_closed_pipe() -> None:
    """A program that writes to one that is gone is ended by SIGPIPE, which Python itself ignores."""
    assert run("sh", "-c", "yes | head -1; kill -PIPE $$; exit 3") == Done(-signal.SIGPIPE, "y\n", "")


def test_standard_input() -> None:
    """Standard input and output are the command's own."""
    with waiting() as process:
        out, err = process.communicate("", timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_opted_out(service: Path, tmp_path: Path) -> None:
    """Opted out, the command runs as it is."""
    state = tmp_path / "state"
    done = run(service, DO_NOT_TRACK="1", AGENT_TELEMETRY_STATE_DIR=state)
    assert (done, state.exists()) == (Done(0, "[] False DO_NOT_TRACK\n", ""), False)


def test_a_wrong_setting(service: Path) -> None:
    """A setting that cannot be used is said once on standard error, and the program runs without events."""
    done = run(service, AGENT_TELEMETRY_ENDPOINT="ftp://telemetry.example")
    assert (done.code, done.out, done.err.count("anonymous events are off")) == (
        0,
        "[] False wrong_setting\n",
        1,
    )
    assert "AGENT_TELEMETRY_ENDPOINT or configure(endpoint=) is 'ftp://telemetry.example'; expected https" in done.err


def test_where_the_operators_traces_go(recorder: Recorder, tmp_path: Path) -> None:
    """Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says, also for spans that the program makes itself."""
    file = tmp_path / "service.py"
    file.write_text("from opentelemetry import trace\ntrace.get_tracer('acme').start_span('own').end()\n")
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": recorder.url, "OTEL_METRICS_EXPORTER": "none", "DO_NOT_TRACK": "1"}
    assert run(file, **given) == Done(0, "", "")
    assert [request.path for request in recorder.requests] == ["/v1/traces"]


def test_a_python_path_of_the_users_own(tmp_path: Path) -> None:
    """What PYTHONPATH held stays on the path, behind what instruments."""
    code = "import os, sys; print(os.environ['PYTHONPATH'].split(os.pathsep)[-2:])"
    done = run(sys.executable, "-c", code, PYTHONPATH=os.pathsep.join([SOURCES, str(tmp_path), "/nowhere"]))
    assert done == Done(0, f"{[str(tmp_path), '/nowhere']}\n", "")


def bare(bare_site: str, *folders: Path, site: bool) -> tuple[list[str], dict[str, str]]:
    """An interpreter without the packages of this environment, and the path on which it finds the core alone."""
    path = os.pathsep.join([bare_site, str(ROOT), *map(str, folders)])
    base = os.path.realpath(sys.executable)
    return [base, *([] if site else ["-S"])], environment(PYTHONPATH=path, PYTHONNOUSERSITE="1")


def test_without_instrumentation(bare_site: str, service: Path) -> None:
    """Where the framework modules are not installed, the command says how to get them."""
    python, variables = bare(bare_site, site=False)
    done = execute([*python, "-m", "otel_agent_telemetry", "run", "--", str(service)], variables)
    assert done == Done(1, "", f"agent-telemetry: {NO_INSTRUMENTATION}\n")


def test_without_frameworks(framework_free_site: str, service: Path, tmp_path: Path) -> None:
    """Where no framework is installed, the command runs all the same, and silently."""
    python, variables = bare(framework_free_site, ROOT / "instrumentation", site=True)
    state = {"AGENT_TELEMETRY_STATE_DIR": str(tmp_path / "state"), "AGENT_TELEMETRY_PRODUCT": "acme-agents"}
    command = [*python, "-m", "otel_agent_telemetry", "run", "--", str(service)]
    done = execute(command, {**variables, **state})
    assert (done, recorded(tmp_path / "state")) == (Done(0, "[] True default\n", ""), ["server.shutdown"])


def test_what_a_terminal_is_told(recorder: Recorder, tmp_path: Path) -> None:
    """On a terminal `run` says once where traces go, and the program, at its end, where its page is."""
    (tmp_path / "quiet.py").write_text("")
    page = '_AGENT_TELEMETRY_PAGE="$$ http://127.0.0.1:9/"'  # as `run` says it where a `serve` is up
    inner = f"{page} exec {shlex.quote(sys.executable)} {shlex.quote(str(tmp_path / 'quiet.py'))}"
    given = environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url.replace("//", "//user:secret@"),
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=FRAMEWORKS,
        DO_NOT_TRACK="1",
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, "run", "--", "sh", "-c", inner], env=given, stderr=theirs) as process:
        os.close(theirs)
        shown = all_of(ours)
    os.close(ours)
    expected = f"agent-telemetry: traces go to {recorder.url}\r\nagent-telemetry: the traces of this run are at http://127.0.0.1:9/\r\n"
    assert (process.returncode, shown) == (0, expected)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "nowhere: start `agent-telemetry serve`, or set OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "to http://collector:4318"),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, "to the exporter console and http://localhost:4318"),
        (
            {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"},
            "nowhere: OTEL_TRACES_EXPORTER=none",
        ),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"}, "nowhere: OTEL_SDK_DISABLED=true"),
    ],
)
def test_where_traces_go_in_words(variables: dict[str, str], words: str) -> None:
    """The standard variables say where the operator's traces go."""
    assert traces_go(variables) == words
