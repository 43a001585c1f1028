"""The mapping: the spans of every GenAI dialect become facts and counted model calls."""

from otel_agent_telemetry.meaning._dialects import DIALECT_KEYS
from otel_agent_telemetry.meaning._mapping import Mapping
from otel_agent_telemetry.meaning._replay import replay

__all__ = ["DIALECT_KEYS", "Mapping", "replay"]
