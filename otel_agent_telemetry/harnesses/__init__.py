"""Coding agents that a service or a user starts: recognised, switched on, watched from outside, and read where asked.

What only a parent knows is said here: exit code, signal, duration, and what they print as JSON lines. Their own
OpenTelemetry is read elsewhere, by ``meaning``.
"""

from otel_agent_telemetry.harnesses._harness import Harness
from otel_agent_telemetry.harnesses._known import HARNESSES, Known
from otel_agent_telemetry.harnesses._recognise import Found, recognise

__all__ = ["HARNESSES", "Found", "Harness", "Known", "recognise"]
