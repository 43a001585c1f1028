"""What anybody can show of a run: what left the program, and what changed in it.

A command is run with marked texts where telemetry could pick them up, and with all ways out leading to sinks on this
machine; or it is run without and with telemetry, and its state at the end compared.
"""

from otel_agent_telemetry.proof._canaries import CONTROL, Canary, named, planted, present
from otel_agent_telemetry.proof._compare import DECLARED, Compared, compare
from otel_agent_telemetry.proof._fields import contents, event_names
from otel_agent_telemetry.proof._running import Ended, execute, probed
from otel_agent_telemetry.proof._search import Finding, contract_words, search
from otel_agent_telemetry.proof._sink import EVENTS, TRACES, WAITING, Message, Sink
from otel_agent_telemetry.proof._witness import Connection, connections, outside

__all__ = [
    "CONTROL",
    "DECLARED",
    "EVENTS",
    "TRACES",
    "WAITING",
    "Canary",
    "Compared",
    "Connection",
    "Ended",
    "Finding",
    "Message",
    "Sink",
    "compare",
    "connections",
    "contents",
    "contract_words",
    "event_names",
    "execute",
    "named",
    "outside",
    "planted",
    "present",
    "probed",
    "search",
]
