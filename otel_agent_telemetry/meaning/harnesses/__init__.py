"""Coding agents: what Claude Code, Codex, Gemini CLI, Qwen Code, Copilot CLI and opencode say, read as spans."""

from otel_agent_telemetry.meaning.harnesses._arranged import arrange
from otel_agent_telemetry.meaning.harnesses._gathered import Agents
from otel_agent_telemetry.meaning.harnesses._logs import made_of_log
from otel_agent_telemetry.meaning.harnesses._made import MADE, Made, marked, process_of
from otel_agent_telemetry.meaning.harnesses._marks import NAMES, Marks, harness_of
from otel_agent_telemetry.meaning.harnesses._open import OPEN_KEYS, OPEN_RESOURCE, hidden, open_only, without_content
from otel_agent_telemetry.meaning.harnesses._points import made_of_metric
from otel_agent_telemetry.meaning.harnesses._spans import home_of, run_around, said_of_span

__all__ = [
    "MADE",
    "NAMES",
    "OPEN_KEYS",
    "OPEN_RESOURCE",
    "Agents",
    "Made",
    "Marks",
    "arrange",
    "harness_of",
    "hidden",
    "home_of",
    "made_of_log",
    "made_of_metric",
    "marked",
    "open_only",
    "process_of",
    "run_around",
    "said_of_span",
    "without_content",
]
