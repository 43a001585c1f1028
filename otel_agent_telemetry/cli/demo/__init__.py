"""``agent-telemetry demo``."""

from otel_agent_telemetry.cli.demo._demo import demo

__all__ = ["demo"]
