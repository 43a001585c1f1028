from __future__ import annotations

import os
import pty
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import agent_telemetry, all_of, environment, program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

SERVICE = """
    import sys
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", state_dir=sys.argv[1], endpoint=sys.argv[2])
    print(telemetry.decision().rule)
    telemetry.server_shutdown(sessions_processed=80)
    telemetry.flush(5)
"""
LOGGED = """
    import logging
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("urllib3").disabled = True
"""
NOTICE = """\
acme-agents collects anonymous usage events: which lifecycle events happen, how long they take, which public models are
used. Never prompts, answers, names, paths or messages. They go to {}.
  see them:       agent-telemetry events            (and before they leave: agent-telemetry events --next)
  switch it off:  agent-telemetry off               or ANONYMIZED_TELEMETRY=false, or DO_NOT_TRACK=1
This run keeps and sends nothing.
"""


def at_a_terminal(folder: Path, url: str, *, code: str = SERVICE, **variables: object) -> tuple[str, str]:
    """Run the service with a terminal as its standard error; its standard output, and what the terminal showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", dedent(code), str(folder), url]
    try:
        with subprocess.Popen(
            command, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = all_of(ours)
            out, _ = process.communicate(timeout=20)
    finally:
        os.close(ours)
    assert process.returncode == 0, shown
    return out.decode(), shown.replace("\r\n", "\n")


def files(folder: Path) -> list[str]:
    """The files in a folder and below it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_first_run_at_a_terminal(tmp_path: Path, recorder: Recorder) -> None:
    """The first run that a user sees says what is collected; it keeps and sends nothing."""
    assert at_a_terminal(tmp_path, recorder.url) == ("first_run\n", NOTICE.format(recorder.url))
    assert (recorder.requests, files(tmp_path)) == ([], ["acme-agents/notice"])


def test_the_second_run_at_a_terminal(tmp_path: Path, recorder: Recorder) -> None:
    """The second run says nothing, and events flow."""
    at_a_terminal(tmp_path, recorder.url)
    assert at_a_terminal(tmp_path, recorder.url) == ("default\n", "")
    assert [request.json()["event"] for request in recorder.wait(1)] == ["server.shutdown"]


def test_where_the_notice_said_that_events_go(tmp_path: Path, recorder: Recorder) -> None:
    """After the first run, which keeps nothing, ``status`` and ``doctor`` repeat what its notice said."""
    at_a_terminal(tmp_path, recorder.url)
    words = f"{recorder.url}, as the notice of the first run says; that run kept and sent nothing"
    assert f"destination: {words}" in agent_telemetry("status", "--state-dir", tmp_path).out.splitlines()
    checked = agent_telemetry("doctor", "--state-dir", tmp_path).out.splitlines()
    assert f"ok     destination   acme-agents: {words}" in checked


def test_a_run_after_forget(tmp_path: Path, recorder: Recorder) -> None:
    """After ``agent-telemetry forget`` the next run is a first one again."""
    at_a_terminal(tmp_path, recorder.url)
    agent_telemetry("forget", "--yes", "--state-dir", tmp_path)
    assert at_a_terminal(tmp_path, recorder.url) == ("first_run\n", NOTICE.format(recorder.url))


def test_configured_twice_in_the_first_run(tmp_path: Path, recorder: Recorder) -> None:
    """The first run keeps and sends nothing, however often it is configured."""
    twice = SERVICE + SERVICE.replace("    import", "    # import")
    assert at_a_terminal(tmp_path, recorder.url, code=twice)[0] == "first_run\nfirst_run\n"
    assert (recorder.requests, files(tmp_path)) == ([], ["acme-agents/notice"])


def test_exporters_alone_in_the_first_run(tmp_path: Path, recorder: Recorder) -> None:
    """Nor do exporters that the environment alone configures."""
    code = """
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from otel_agent_telemetry.pipeline.exporter import ProxyEventExporter

        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(ProxyEventExporter()))
        for _ in range(3):
            provider.get_tracer("acme").start_span("call", attributes={"gen_ai.operation.name": "chat"}).end()
        provider.shutdown()
    """
    given = {"PRODUCT": "acme-agents", "STATE_DIR": tmp_path, "ENDPOINT": recorder.url}
    variables = {f"AGENT_TELEMETRY_{name}": value for name, value in given.items()}
    assert at_a_terminal(tmp_path, recorder.url, code=code, **variables) == ("", NOTICE.format(recorder.url))
    assert (recorder.requests, files(tmp_path)) == ([], ["acme-agents/notice"])


@pytest.mark.parametrize("how", ["subprocess.run([sys.executable, '-c', CODE, *sys.argv[1:]], stderr=-1)", "fork()"])
def test_children_of_the_first_run(tmp_path: Path, recorder: Recorder, how: str) -> None:
    """Nor do the processes that it starts, of whatever kind, also where their standard error is no terminal."""
    forks = """
    import os, subprocess

    def fork():
        if not os.fork():
            exec(CODE, {})
            sys.stdout.flush()
            os._exit(0)
        os.wait()
    """
    child = f"CODE = {dedent(SERVICE)!r}\n    sys.stdout.flush()\n    {how}\n"
    assert at_a_terminal(tmp_path, recorder.url, code=SERVICE + forks + child)[0] == "first_run\nfirst_run\n"
    assert (recorder.requests, files(tmp_path)) == ([], ["acme-agents/notice"])


def test_another_product(tmp_path: Path, recorder: Recorder) -> None:
    """Each product gives its own notice."""
    (tmp_path / "other-agents").mkdir()
    (tmp_path / "other-agents" / "notice").touch()
    assert at_a_terminal(tmp_path, recorder.url)[0] == "first_run\n"


@pytest.mark.parametrize("state", ["file", "file/below"])
def test_a_notice_that_cannot_be_remembered(tmp_path: Path, recorder: Recorder, state: str) -> None:
    """Where the notice cannot be remembered, it is given again and nothing is ever sent."""
    (tmp_path / "file").touch()
    runs = [at_a_terminal(tmp_path / state, recorder.url) for _ in range(2)]
    assert runs == [("first_run\n", NOTICE.format(recorder.url))] * 2
    assert recorder.requests == []


@pytest.mark.parametrize("variables", [{"AGENT_TELEMETRY_NOTICE": "0"}, {"DO_NOT_TRACK": "1"}], ids=str)
def test_no_notice_at_a_terminal(tmp_path: Path, recorder: Recorder, variables: dict[str, str]) -> None:
    """No notice is given where the product shows its own, or where nothing is collected."""
    assert at_a_terminal(tmp_path, recorder.url, **variables)[1] == ""


def test_nobody_watches(tmp_path: Path, recorder: Recorder) -> None:
    """Without a terminal the notice is one INFO record per start, and events flow from the first run."""
    done = program(LOGGED + SERVICE, tmp_path, recorder.url)
    record = (
        "INFO otel_agent_telemetry acme-agents collects anonymous usage events"
        f" (see them: agent-telemetry events; off: ANONYMIZED_TELEMETRY=false). They go to {recorder.url}.\n"
    )
    assert (done.code, done.out, done.err) == (0, "default\n", record)
    assert [request.json()["event"] for request in recorder.wait(1)] == ["server.shutdown"]


STAYS = SERVICE.replace(", endpoint=sys.argv[2]", "")


def test_no_notice_where_events_can_go_nowhere(tmp_path: Path) -> None:
    """Without an endpoint there is neither notice nor log record, and events are recorded from the first run."""
    assert at_a_terminal(tmp_path, "", code=LOGGED + STAYS) == ("default\n", "")
    assert "acme-agents/ledger.db" in files(tmp_path)


def test_what_was_recorded_before_the_notice(tmp_path: Path, recorder: Recorder) -> None:
    """What was recorded while it could go nowhere, and no notice had been given, is gone once one is given."""
    at_a_terminal(tmp_path, "", code=STAYS)
    assert at_a_terminal(tmp_path, recorder.url) == ("first_run\n", NOTICE.format(recorder.url))
    assert agent_telemetry("events", "--json", "--state-dir", tmp_path).out == ""


def test_the_product_shows_its_own_notice(tmp_path: Path, recorder: Recorder) -> None:
    """With ``notice=False`` there is no record either, and events flow."""
    done = program(LOGGED + SERVICE.replace("product=", "notice=False, product="), tmp_path, recorder.url)
    assert (done.code, done.out, done.err, len(recorder.wait(1))) == (0, "default\n", "", 1)
