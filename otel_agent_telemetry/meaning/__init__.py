"""What telemetry says and what counts: spans of every dialect become verdicts, which events and store read.

What reads whole traces at once, ``_replay`` and ``harnesses``, is imported from there: no running program needs it.
"""

from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._calls import ModelCall, Repeat, Run, ToolCall
from otel_agent_telemetry.meaning._kinds import DIALECT_KEYS
from otel_agent_telemetry.meaning._meaning import Meaning
from otel_agent_telemetry.meaning._models import undated
from otel_agent_telemetry.meaning._places import Place
from otel_agent_telemetry.meaning._properties import attributes_of
from otel_agent_telemetry.meaning._records import Fact, SpanRecord, Usage
from otel_agent_telemetry.meaning._said import READ_KEYS, Said, read
from otel_agent_telemetry.meaning._verdicts import Told

__all__ = [
    "DIALECT_KEYS",
    "READ_KEYS",
    "Fact",
    "Meaning",
    "ModelCall",
    "Place",
    "Repeat",
    "Run",
    "Said",
    "SpanRecord",
    "Told",
    "ToolCall",
    "Usage",
    "attributes_of",
    "kinds",
    "read",
    "undated",
]
