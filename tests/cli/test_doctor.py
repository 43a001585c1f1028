from __future__ import annotations

import os
import sys
from contextlib import closing
from importlib.metadata import requires, version
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._covered import ROWS
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.cli.command import ROOT, SOURCES, Done, agent_telemetry, environment, execute
from tests.recorder import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder


def doctor(*arguments: object, **variables: object) -> tuple[int, list[str]]:
    """Its exit code, and what it prints but for the lines about what is installed."""
    done = agent_telemetry("doctor", *arguments, **variables)
    assert done.err == ""
    return done.code, [line for line in done.out.splitlines() if " installed " not in line]


NOWHERE = (
    "none: events are recorded, nowhere to send, until AGENT_TELEMETRY_ENDPOINT or configure(endpoint=) says where"
)
NO_SERVE = "none at http://127.0.0.1:4318; `agent-telemetry serve` starts one"


def test_all_is_well(recorder: Recorder, tmp_path: Path) -> None:
    """With all in order no line is wrong, nothing is made, and the collector alone is asked, without a span."""
    given = {"AGENT_TELEMETRY_ENDPOINT": f"{recorder.url}/events", "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.url}
    done = agent_telemetry("doctor", "--state-dir", tmp_path / "state", **given)
    lines = done.out.splitlines()
    assert lines[:3] == [
        f"ok     destination   {recorder.url}/events, in the proxy dialect",
        "ok     consent       on (default: no rule switches it off)",
        f"ok     state         {tmp_path / 'state'}",
    ]
    assert lines[3:5] == [
        f"ok     operator      an exporter of your own is configured: traces go to {recorder.url}",
        "ok     operator      the collector answers",
    ]
    names = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "requests")
    assert {f"ok     installed     {name} {version(name)}" for name in names} <= {*lines}
    assert [(request.path, request.body) for request in recorder.requests] == [("/v1/traces", b"")]
    assert (done.code, done.err, [*tmp_path.iterdir()]) == (0, "", [])


def test_nothing_is_set(tmp_path: Path) -> None:
    """Without settings it says what that means, and that being off is in order."""
    code, lines = doctor("--state-dir", tmp_path, DO_NOT_TRACK="1", AGENT_TELEMETRY_ENDPIONT="https://acme.example")
    assert (code, lines) == (
        0,
        [
            "note   settings      AGENT_TELEMETRY_ENDPIONT is no setting; did you mean AGENT_TELEMETRY_ENDPOINT?",
            f"ok     destination   {NOWHERE}",
            "ok     consent       off (DO_NOT_TRACK: DO_NOT_TRACK=1)",
            f"ok     state         {tmp_path}",
            "ok     operator      no exporter of your own; `agent-telemetry serve` shows traces on this machine",
            f"ok     serve         {NO_SERVE}",
        ],
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4399"},
            "OTEL_EXPORTER_OTLP_ENDPOINT is 'localhost:4399'; expected http://HOST:PORT or https://HOST:PORT; try",
        ),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "traces have no exporter 'zipkin': OTEL_TRACES_EXPORTER"),
        ({"OTEL_METRICS_EXPORTER": "acme"}, "metrics have no exporter 'acme': OTEL_METRICS_EXPORTER"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "nothing takes traces at http://127.0.0.1:9"),
    ],
)
def test_an_exporter_that_cannot_work(variables: dict[str, str], words: str) -> None:
    """An address without scheme, a missing exporter and a collector that does not answer are wrong, with what to do."""
    code, lines = doctor(**variables)
    wrong = [line for line in lines if line.startswith("wrong")]
    assert (code, len(wrong), wrong[0].startswith(f"wrong  operator      {words}")) == (1, 1, True)


def test_a_collector_that_refuses(recorder: Recorder) -> None:
    """One that is there, and takes no traces at that path, is wrong, with its answer."""
    recorder.default = Answer(404)
    code, lines = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url)
    said = next(line for line in lines if line.startswith("wrong"))
    assert (code, said.startswith(f"wrong  operator      nothing takes traces at {recorder.url} (")) == (1, True)
    assert "404" in said


def test_a_destination_that_code_alone_says(tmp_path: Path) -> None:
    """Where a product that was run before says in its code where its events go, the line of that product says it."""
    with closing(Ledger(ledger_file(str(tmp_path), "acme-agents"))) as ledger:
        ledger.remember(endpoint="https://acme.example/v1", dialect="docker", rule="default", opt_out_env=None)
        ledger.append([])
    words = "acme-agents: https://acme.example/v1, in the docker dialect, as of the last run"
    assert doctor("--state-dir", tmp_path)[1][0] == f"ok     destination   {words}"


def notes_beside(folder: Path, *installed: str) -> list[str]:
    """What ``doctor`` notes of an environment where these, such as ``django 5.2.1``, are installed too."""
    for project, _, number in (each.partition(" ") for each in installed):
        made = folder / f"{project}-{number}.dist-info"
        made.mkdir()
        (made / "METADATA").write_text(f"Name: {project}\nVersion: {number}\n")
    done = agent_telemetry("doctor", PYTHONPATH=os.pathsep.join([str(folder), SOURCES]))
    assert (done.code, done.err) == (0, "")
    return [line[len(NOTE) :] for line in done.out.splitlines() if line.startswith(NOTE)]


NOTE = "note   installed     "


def test_what_lacks_its_instrumentation(tmp_path: Path) -> None:
    """Of what is installed, that which would make no spans is named, with the extra or the package that brings them."""
    notes = notes_beside(tmp_path, "falcon 4.0.1", "litellm 1.110.0", "anthropic 1.9.0")
    assert {
        "falcon 4.0.1 makes no spans here: pip install opentelemetry-instrumentation-falcon",
        "litellm 1.110.0 makes no spans here: pip install 'otel-agent-telemetry[litellm]'",
        "anthropic 1.9.0 makes no spans here: pip install 'otel-agent-telemetry[anthropic]'",
    } - {*notes} == set()
    assert [line for line in notes if "fastapi" in line or "openai" in line] == []


def test_what_shows_itself_lacks_nothing(tmp_path: Path) -> None:
    """A library is not named from the version on that has spans of its own."""
    assert [line for line in notes_beside(tmp_path, "anthropic 2.12.0") if "anthropic" in line] == []


def test_what_no_extra_shows(tmp_path: Path) -> None:
    """A library, or a version of one, that is known and that no extra shows is named with what is not seen of it."""
    notes = notes_beside(tmp_path, "pipecat_ai 1.14.0", "sqlalchemy 2.1.9")
    found = [line for line in notes if line.startswith(("pipecat", "sqlalchemy"))]
    assert found == [
        "pipecat-ai 1.14.0: no extra shows its conversations and tools",
        "sqlalchemy 2.1.9: no extra shows its calls",
    ]


def test_a_version_that_is_left_alone(tmp_path: Path) -> None:
    """A version that the instrumentation does not know is named, with those that it does; ours, and another's."""
    notes = notes_beside(tmp_path, "crewai 9.1", "requests 3.0")
    assert {"crewai 9.1 is left alone: agent_crewai knows <2,>=1.13"} - {*notes} == set()
    assert {"requests 3.0 is left alone: requests knows ~=2.0"} - {*notes} == set()


def test_each_row_names_an_extra_that_brings_what_it_needs() -> None:
    """No row sends anybody to an extra without the instrumentation."""
    lines = [line.replace('"', "'") for line in requires("otel-agent-telemetry") or ()]
    for row in ROWS:
        brought = {line.partition(">")[0].strip() for line in lines if line.endswith(f"extra == '{row.extra}'")}
        assert ({*row.needs} - brought, row.needs != ()) == (set(), True), row


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "AGENT_TELEMETRY_ENDPOINT",
            "http://telemetry.example",
            "configure(endpoint=) is 'http://telemetry.example'; expected https",
        ),
        ("AGENT_TELEMETRY_DIALECT", "latin", "configure(dialect=) is 'latin'; expected one of proxy, docker."),
        ("AGENT_TELEMETRY_SYNC", "perhaps", "configure(synchronous=) is 'perhaps'; expected 1 or 0."),
    ],
)
def test_a_wrong_setting(variable: str, value: str, words: str) -> None:
    """A wrong setting is named with its value and what it may be, and the exit code is 1."""
    done = agent_telemetry("doctor", **{variable: value})
    assert (done.code, done.err, done.out.startswith(f"wrong  settings      {variable} or {words}")) == (1, "", True)


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    """A state directory that cannot be written is named, with the variable that changes it, and the exit code is 1."""
    (tmp_path / "file").touch()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    hint = "; set AGENT_TELEMETRY_STATE_DIR to a folder of yours"
    for state, words in (
        ("file/state", f"{tmp_path / 'file'} cannot be written"),
        ("open", f"other accounts can write to {tmp_path / 'open'}, so it is not used: chmod o-w {tmp_path / 'open'}"),
    ):
        code, lines = doctor(AGENT_TELEMETRY_STATE_DIR=tmp_path / state)
        assert (code, f"wrong  state         {words}{hint}" in lines) == (1, True)


def test_without_framework_modules(bare_site: str) -> None:
    """Where the framework modules are missing it says how to get them, and that is no failure."""
    command = [sys.executable, "-S", "-m", "otel_agent_telemetry", "doctor"]
    done = execute(command, environment(PYTHONPATH=os.pathsep.join([bare_site, str(ROOT)])))
    line = "note   installed     no framework modules; pip install 'otel-agent-telemetry[instrument]'"
    assert (done.code, done.err, done.out.splitlines()[-1]) == (0, "", line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evnts"], "no command 'evnts'; did you mean `agent-telemetry events`?"),
        (["statsu", "--json"], "no command 'statsu'; did you mean `agent-telemetry status`?"),
        (["zzz"], "no command 'zzz'; `agent-telemetry --help` lists them."),
    ],
)
def test_an_unknown_command(arguments: list[str], words: str) -> None:
    """An unknown command is wrong use, and the nearest one is suggested."""
    done = agent_telemetry(*arguments)
    assert (done.code, done.out, done.err.splitlines()[-1]) == (2, "", f"Error: {words}")


def test_the_version() -> None:
    """``--version`` prints the distribution's version."""
    assert agent_telemetry("--version") == Done(0, f"agent-telemetry, version {version('otel-agent-telemetry')}\n", "")


def test_an_unknown_schema_format() -> None:
    """``schema`` prints JSON or Markdown, and says so."""
    done = agent_telemetry("schema", "--format", "yaml")
    assert (done.code, done.out, "'json', 'markdown'" in done.err) == (2, "", True)
