"""Coding agents: what Claude Code, Codex, Gemini CLI, Qwen Code, Copilot CLI and opencode say, read as spans."""

from otel_agent_telemetry.meaning.harnesses._arranged import arrange
from otel_agent_telemetry.meaning.harnesses._gathered import Agents
from otel_agent_telemetry.meaning.harnesses._logs import made_of_log
from otel_agent_telemetry.meaning.harnesses._made import MADE, Made, mark_printed, process_of
from otel_agent_telemetry.meaning.harnesses._marks import NAMES, Marks, harness_of
from otel_agent_telemetry.meaning.harnesses._open import (
    FIGURES,
    IDS,
    OPEN_KEYS,
    OPEN_RESOURCE,
    SPAN_NAMES,
    hidden,
    without_content,
)
from otel_agent_telemetry.meaning.harnesses._points import made_of_metric
from otel_agent_telemetry.meaning.harnesses._spans import home_of, run_around, said_of_span

__all__ = [
    "FIGURES",
    "IDS",
    "MADE",
    "NAMES",
    "OPEN_KEYS",
    "OPEN_RESOURCE",
    "SPAN_NAMES",
    "Agents",
    "Made",
    "Marks",
    "arrange",
    "harness_of",
    "hidden",
    "home_of",
    "made_of_log",
    "made_of_metric",
    "mark_printed",
    "process_of",
    "run_around",
    "said_of_span",
    "without_content",
]
