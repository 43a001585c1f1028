# ruff: noqa: T201 - it prints for its test
"""Has our distro load an instrumentation of a version that is not here, and prints what the loader is told."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, ClassVar

from opentelemetry.instrumentation.dependencies import DependencyConflictError

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation.distro import AgentTelemetryDistro

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks


class OldInstrumentor(FrameworkInstrumentor):
    """For a version that nobody has."""

    requires: ClassVar[tuple[str, ...]] = ("opentelemetry-api < 1",)

    def install(self, hooks: Hooks) -> None:
        """Nothing."""


if __name__ == "__main__":
    telemetry.configure(notice=False)
    entry = EntryPoint("agent_old", "conflicting:OldInstrumentor", "opentelemetry_instrumentor")
    try:
        AgentTelemetryDistro().load_instrumentor(entry, raise_exception_on_conflict=True)
    except DependencyConflictError:
        print("conflict")
