"""The oldest OpenTelemetry that is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lifecycle.programs import allowed, run

if TYPE_CHECKING:
    from pathlib import Path


def test_an_older_loader(tmp_path: Path) -> None:
    """The oldest loader has no error for a framework of another version; the distro loads there too."""
    program = """
        import opentelemetry.instrumentation.distro  # which knows its own error
        from opentelemetry.instrumentation import dependencies

        vars(dependencies).pop("DependencyConflictError", None)
        from otel_agent_instrumentation.distro import AgentTelemetryDistro

        print(AgentTelemetryDistro.__name__)
    """
    assert run(program, variables=allowed(tmp_path)) == "AgentTelemetryDistro\n"


def test_what_is_not_installed(tmp_path: Path) -> None:
    """A module whose library is not there is left out without a word, as older loaders print a traceback for each."""
    program = """
        import otel_agent_telemetry as telemetry
        from importlib.metadata import EntryPoint
        from otel_agent_instrumentation.distro import AgentTelemetryDistro

        telemetry.configure()
        AgentTelemetryDistro().load_instrumentor(EntryPoint("agent_x", "not_installed:X", "opentelemetry_instrumentor"))
        print("left out")
    """
    assert run(program, variables=allowed(tmp_path)) == "left out\n"
