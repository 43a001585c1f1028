"""The public calls: sessions, tasks, tools, agent runs, model calls, commands and workflows as spans.

On the OpenTelemetry API alone, which is imported with the first span; an opted-out program imports none of it.
"""

from otel_agent_telemetry.lifecycle._attached import Attached
from otel_agent_telemetry.lifecycle._handle import OFF, Handle
from otel_agent_telemetry.lifecycle._lifecycle import DEFAULT, Lifecycle

__all__ = ["DEFAULT", "OFF", "Attached", "Handle", "Lifecycle"]
