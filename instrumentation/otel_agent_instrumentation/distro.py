"""What ``opentelemetry-instrument`` and ``agent-telemetry run`` load: our distro and our configurator.

Entry points ``opentelemetry_distro`` and ``opentelemetry_configurator``, name ``agent_telemetry``
(opentelemetry-instrumentation, ``auto_instrumentation/_load.py``).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro

import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["AgentTelemetryConfigurator", "AgentTelemetryDistro"]

_logger = logging.getLogger("otel_agent_instrumentation")


class AgentTelemetryConfigurator:
    """Sets up telemetry from the environment, as ``telemetry.configure()`` does in code."""

    def configure(self, **_: Any) -> None:
        """Configure; a setting that cannot be used is one line in the log, and the program runs without telemetry."""
        try:
            telemetry.configure()
        except telemetry.SettingError as error:
            _logger.error("this program runs without telemetry: %s", error)  # noqa: TRY400 - the message says all
            telemetry.shutdown()


class AgentTelemetryDistro(BaseDistro):
    """Loads every installed instrumentation, and none where telemetry is off: then this program is left as it is."""

    def _configure(self, **kwargs: Any) -> None:
        """Nothing to set: OTEL_* variables keep the meaning that the operator gave them."""

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one instrumentation; a broken one must not keep the next from loading."""
        if not telemetry.active():
            return
        try:
            super().load_instrumentor(entry_point, **kwargs)  # pyright: ignore[reportUnknownMemberType] - upstream leaves its keywords untyped
        except (ModuleNotFoundError, DependencyConflictError):
            raise  # the loader knows these: the framework is not installed, or of another version
        except Exception:
            _logger.warning("the instrumentation %s could not be loaded", entry_point.name, exc_info=True)
