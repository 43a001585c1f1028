"""One small real program per framework, each in an environment of its own, under ``agent-telemetry run``."""
