"""``python -m otel_agent_telemetry`` is the command ``agent-telemetry``."""

from otel_agent_telemetry.cli import main

main()
