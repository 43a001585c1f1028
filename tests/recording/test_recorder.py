"""The fixture ``agent_telemetry_recorder`` in the tests of a little product."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.recorder import Recorder

ROOT = Path(__file__).parents[2]
SOURCES = os.pathsep.join([str(ROOT), str(ROOT / "instrumentation")])

PRODUCT = """
    import otel_agent_telemetry as telemetry
    from otel_agent_telemetry import contract

    contract.event(
        "import.finished",
        rows=contract.Count(why="to size batches"),
        format=contract.Enum(("csv", "json"), why="to know what to support"),
    )

    def main(enabled=None):
        telemetry.configure(
            product="acme-importer",
            version="2.3.0",
            endpoint="https://telemetry.acme.example/v1/events",
            state_dir="/nonexistent/of/the/product",
            opt_out_env="ACME_TELEMETRY",
            enabled=enabled,
        )
        run()

    def run(rows=1200, **more):
        with telemetry.session(agent="importer"):
            with telemetry.task("import", id="t-1", source="cli"):
                telemetry.record_tokens("gpt-4o", input=12, output=30)
            telemetry.track("import.finished", rows=rows, format="csv", **more)
"""


def outcome(folder: Path, tests: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code and the output of pytest on tests of that product."""
    (folder / "acme.py").write_text(dedent(PRODUCT))
    (folder / "test_acme.py").write_text(
        "import pytest\nimport acme\nimport otel_agent_telemetry as telemetry\n\n" + dedent(tests)
    )
    (folder / "pytest.ini").write_text("[pytest]\n")
    named = ("COVERAGE_", "PATH", "PYTHONPYCACHEPREFIX")
    kept = {name: value for name, value in os.environ.items() if name.startswith(named)}
    given = {**kept, "HOME": str(folder / "home"), "PYTHONPATH": SOURCES, **variables}
    (folder / "home").mkdir()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "test_acme.py", *arguments]
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=55, check=False)
    assert list((folder / "home").iterdir()) == []
    return done.returncode, done.stdout + done.stderr


def test_what_a_product_tells(tmp_path: Path, recorder: Recorder) -> None:
    """Events, references, spans and tokens are there, in each test its own; nothing is sent, nothing left in the home.

    That holds where the product names an endpoint and a folder, and whoever runs the tests has opted out.
    """
    tests = """
        from opentelemetry import trace

        def test_events(agent_telemetry_recorder):
            recorder = agent_telemetry_recorder
            acme.main()
            names = ["session.started", "task.created", "task.started", "task.completed", "import.finished"]
            assert [event.name for event in recorder.events][:5] == names
            (event,) = recorder.named("import.finished")
            assert (event.product, event.properties["rows"]) == ("acme-importer", 1200)
            assert b'"product":"acme-importer"' in event.body
            recorder.expect("task.completed", taskId=recorder.reference("task", "t-1"), source="cli")
            assert recorder.tokens["gpt-4o"]["outputTokens"] == 30
            spans = ["chat gpt-4o", "task import", "import.finished", "session importer"]
            assert [span.name for span in recorder.spans] == spans
            telemetry.shutdown(1)

        def test_each_has_its_own(agent_telemetry_recorder):
            assert (agent_telemetry_recorder.events, agent_telemetry_recorder.spans) == ([], [])
            acme.run(rows=7)  # without configure()
            trace.get_tracer("app").start_span("of the app").end()
            agent_telemetry_recorder.expect("import.finished", rows=7)
            assert agent_telemetry_recorder.spans[-1].name == "of the app"

        def test_dropped(agent_telemetry_recorder):
            acme.run(rows="many", colour="red")
            assert agent_telemetry_recorder.dropped == {"undeclared_property": 1, "wrong_type": 1}

        def test_a_library(agent_telemetry_recorder):
            library = telemetry.Telemetry(product="acme-library")
            library.track("import.finished", rows=1)
            assert agent_telemetry_recorder.expect("import.finished", rows=1).product == "acme-library"

        @pytest.mark.parametrize("how", ["argument", "variable"])
        def test_opted_out(agent_telemetry_recorder, monkeypatch, how):
            if how == "variable":
                monkeypatch.setenv("ACME_TELEMETRY", "0")
            acme.main(enabled=False if how == "argument" else None)
            assert agent_telemetry_recorder.events == []

        def test_without_the_fixture():
            assert telemetry.decision().rule == "not_configured"
    """
    code, output = outcome(tmp_path, tests, DO_NOT_TRACK="1", OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url)
    assert (code, "7 passed" in output, recorder.requests) == (0, True, []), output


def test_a_comparison_that_fails(tmp_path: Path) -> None:
    """A test that fails says which event and which property; a name that nobody declared is an error."""
    tests = """
        def test_lists(agent_telemetry_recorder):
            acme.run()
            event = agent_telemetry_recorder.event
            assert agent_telemetry_recorder.named("import.finished") == [event("import.finished", rows=5)]

        def test_expected(agent_telemetry_recorder):
            acme.run(colour="red")
            agent_telemetry_recorder.expect("import.finished", rows=5)

        def test_a_wrong_name(agent_telemetry_recorder):
            agent_telemetry_recorder.named("import.finish")

        def test_a_wrong_property(agent_telemetry_recorder):
            agent_telemetry_recorder.event("import.finished", row=5)
    """
    code, output = outcome(tmp_path, tests)
    said = {line[1:].strip() for line in output.splitlines() if line.startswith("E ")}
    assert code == 1
    assert {
        "event 0, import.finished.rows: 1200 != 5",
        "event 0, import.finished.format: 'csv' != absent",
        "LookupError: no event 'import.finish' is declared; did you mean 'import.finished'?",
        "LookupError: import.finished declares no property 'row'; it has: rows, format",
        "AssertionError: no event import.finished(rows=5), but 1 of that name:",
        "left out so far, by reason: {'undeclared_property': 1}",
    } <= said, output


def test_pytest_without_the_fixture(tmp_path: Path) -> None:
    """Where no test asks for it, pytest loads the plugin and nothing else of this package, nor of OpenTelemetry."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test():\n"
        "    heavy = {'otel_agent_telemetry._recorder', 'opentelemetry', 'sqlite3', 'requests'}\n"
        "    assert heavy & {*sys.modules} == set()\n"
        "    assert 'otel_agent_telemetry.pytest_plugin' in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "otel_agent_telemetry.pytest_plugin", "-q", "test_other.py"]
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCES, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
