"""What telemetry says and what counts: spans of every dialect become verdicts, which events and store read."""

from otel_agent_telemetry.meaning._kinds import DIALECT_KEYS
from otel_agent_telemetry.meaning._meaning import Meaning
from otel_agent_telemetry.meaning._replay import replay

__all__ = ["DIALECT_KEYS", "Meaning", "replay"]
