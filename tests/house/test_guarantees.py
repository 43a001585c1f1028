"""docs/guarantees.md: each of its commands is one that runs."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.cli.command import agent_telemetry

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
COMMANDS = sorted({*re.findall(r"(?:`|\$ )(agent-telemetry [^`\n]+)", PAGE)} - {"agent-telemetry run"})
TARGETS = sorted({*re.findall(r"make ([a-z]+)", PAGE)})
FRAMEWORKS = ",".join(entry.name for entry in entry_points(group="opentelemetry_instrumentor"))
APP = "import otel_agent_telemetry as telemetry\nwith telemetry.session(), telemetry.task('x'):\n    pass\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(command: str, tmp_path: Path) -> None:
    """Each command of the page does what it says, with a program of one's own in the place of ``app.py``."""
    (tmp_path / "app.py").write_text(APP)
    arguments = shlex.split(command.replace("python app.py", str(tmp_path / "app.py")))[1:]
    variables = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": FRAMEWORKS, "PYTHONWARNINGS": "error,ignore::ResourceWarning"}
    done = agent_telemetry(*arguments, **variables)
    assert done.code == 0, done


def test_each_target_is_there() -> None:
    """Each target of make that the page names is one of the Makefile's, and what a soak is made of is there."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [target for target in TARGETS if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
    named = {*re.findall(r"SOAK_([A-Z]+)", PAGE)}
    sizes = {
        name
        for file in (ROOT / "tests" / "soak").glob("test_*.py")
        for name in re.findall(r'@sizes\("(\w+)"', file.read_text("utf-8"))
    }
    assert named == sizes
