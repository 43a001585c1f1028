"""Programs that lack what others have: telemetry does without, and the program runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, start

if TYPE_CHECKING:
    from pathlib import Path

FROZEN = """
    import importlib.metadata
    importlib.metadata.MetadataPathFinder.find_distributions = lambda *_, **__: iter(())
    import otel_agent_telemetry as telemetry

    telemetry.configure(product=None)
    with telemetry.task():
        telemetry.record_tokens("gpt-5.2", input=1)
    telemetry.flush(5)
    print("ran")
"""
FOREIGN = """
    from opentelemetry import trace

    class Provider(trace.TracerProvider):
        def get_tracer(self, *_, **__):
            return trace.NoOpTracer()

    trace.set_tracer_provider(Provider())
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    with telemetry.task():
        telemetry.record_tokens("gpt-5.2", input=1)
    print(type(trace.get_tracer_provider()).__name__)
"""
SUB = """
    try:
        import _interpreters as interpreters
        run = interpreters.exec
    except ImportError:
        import _xxsubinterpreters as interpreters
        run = interpreters.run_string

    there = interpreters.create()
    run(there, {there!r})
"""
OURS = "import otel_agent_telemetry as t; t.configure(); t.server_started(); t.flush(0); print('ran')"
LOUD = """
    import logging
    import otel_agent_telemetry as telemetry

    class Full(logging.Handler):
        def emit(self, record):
            raise OSError("no space left in the log")

    logging.getLogger().addHandler(Full())
    logging.getLogger("otel_agent_telemetry").setLevel(logging.DEBUG)
    telemetry.configure()
    with telemetry.task():
        pass
    telemetry.flush(5)
    telemetry.shutdown(1)
    print("ran")
"""
SIGNALLED = """
    import signal, time
    import otel_agent_telemetry as telemetry

    def tell(*_):
        telemetry.track("undeclared.event", wrong=object())
        telemetry.server_shutdown(sessions_processed=1)

    telemetry.configure()
    signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        tell()
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(telemetry.flush(50))
"""
SHORT = """
    import os
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=1)
    telemetry.flush(0)
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    telemetry.server_shutdown(sessions_processed=2)
    telemetry.flush(0)
    for each in held:
        os.close(each)
    print(telemetry.flush(5))
"""
WITHOUT = """
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    with telemetry.task():
        pass
    telemetry.flush(5)
    print("ran")
"""


def said(program: str, tmp_path: Path, **variables: object) -> tuple[int, str, str]:
    """How a program ends, and both its streams."""
    with start(program, variables=allowed(tmp_path, **variables)) as process:
        output, complaints = process.communicate(timeout=60)
    return process.returncode, output, complaints


def test_no_metadata(tmp_path: Path) -> None:
    """A frozen program, whose packages have no metadata, runs."""
    code, output, _ = said(FROZEN, tmp_path)
    assert (code, output) == (0, "ran\n")


@pytest.mark.parametrize("variables", [{}, {"AGENT_TELEMETRY_ENDPOINT": "ftp://nowhere"}], ids=["right", "wrong"])
def test_a_log_that_raises(tmp_path: Path, variables: dict[str, str]) -> None:
    """What a handler of the host's log raises does not come out of a call of ours."""
    assert said(LOUD, tmp_path, **variables) == (0, "ran\n", "")


def test_a_signal_handler_that_tells(tmp_path: Path) -> None:
    """A handler may tell whatever it likes, also in the middle of the program's own telling."""
    assert said(SIGNALLED, tmp_path) == (0, "True\n", "")


def test_no_descriptors(tmp_path: Path) -> None:
    """A program that is out of descriptors has not opted out by that: what it told before and meanwhile is kept."""
    assert said(SHORT, tmp_path) == (0, "True\n", "")
    assert len(stored(tmp_path)) == 2


def test_a_provider_of_another_kind(tmp_path: Path) -> None:
    """A host whose provider takes no span processors keeps it, and is told once that there are no events."""
    code, output, complaints = said(FOREIGN, tmp_path)
    warning = "this program's Provider takes no span processors: spans go there, and no events are made of them\n"
    assert (code, output, complaints) == (0, "Provider\n", warning)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there they have a module of their own")
@pytest.mark.parametrize("end", ["interpreters.destroy(there)", ""], ids=["destroyed", "left to the end"])
def test_a_sub_interpreter(tmp_path: Path, end: str) -> None:
    """A program in a sub-interpreter runs, and so does the one around it, to its end."""
    if said(SUB.format(there="import hashlib") + f"    {end}", tmp_path)[0] != 0:  # CPython 3.12.1
        pytest.skip("with this Python, hashlib in a sub-interpreter ends the program")
    code, output, _ = said(SUB.format(there=OURS) + f"    {end}", tmp_path)
    assert (code, output) == (0, "ran\n")


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_EXPORTER": "jaeger"},
        {"OTEL_METRICS_EXPORTER": "prometheus_of_tomorrow"},
    ],
    ids=["traces", "metrics"],
)
def test_an_exporter_that_cannot_be_had(tmp_path: Path, variables: dict[str, str]) -> None:
    """An exporter that is not installed is left out with a warning; events flow."""
    code, output, complaints = said(WITHOUT, tmp_path, **variables)
    assert (code, output, "go without the exporter" in complaints) == (0, "ran\n", True)
    assert len(stored(tmp_path)) > 0


@pytest.mark.parametrize("variables", [{}, {"ANONYMIZED_TELEMETRY": "0"}], ids=["on", "off"])
@pytest.mark.parametrize(
    "name", ["SOURCE", "ENVIRONMENT", "DIALECT", "PRESET", "ENDPOINT", "DEBUG", "SYNC", "NOTICE", "EXIT_TIMEOUT"]
)
def test_a_wrong_variable(tmp_path: Path, name: str, variables: dict[str, str]) -> None:
    """A variable that cannot be used ends no program, opted out or not: one warning, and no events."""
    wrong = {f"AGENT_TELEMETRY_{name}": "%wrong%"}
    code, output, complaints = said(WITHOUT, tmp_path, **variables, **wrong)
    assert (code, output, complaints.count("anonymous events are off: AGENT_TELEMETRY_")) == (0, "ran\n", 1)
    assert complaints.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
