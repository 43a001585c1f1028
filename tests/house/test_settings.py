"""Every variable and argument is in the table of settings, and nothing else is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import otel_agent_telemetry as telemetry
from otel_agent_telemetry.cli._variables import SETTINGS, names

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"(?<![A-Z_])(?:AGENT_TELEMETRY|TELEMETRY)_[A-Z_]*[A-Z]\b")
# Said by one process of ours to another, not by a person.
INTERNAL = {"AGENT_TELEMETRY_DRAMATIQ_MASTER"}


def test_every_variable_is_in_the_table() -> None:
    """What the code reads and what the table says are the same variables."""
    files = [*(ROOT / "otel_agent_telemetry").rglob("*.py"), *(ROOT / "instrumentation").rglob("*.py")]
    read = {name for file in files for name in VARIABLE.findall(file.read_text("utf-8"))} - INTERNAL
    assert read == {name for name in names() if VARIABLE.fullmatch(name)}


def test_every_argument_is_in_the_table() -> None:
    """The arguments of configure() and those of the table are the same, each once."""
    arguments = [setting.argument for setting in SETTINGS if setting.argument]
    assert sorted(arguments) == sorted(inspect.signature(telemetry.configure).parameters)
