"""Runs the command line and small programs in processes of their own, in an environment that names every setting."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
SOURCES = os.pathsep.join([str(ROOT), str(ROOT / "instrumentation")])
COMMAND = (sys.executable, "-m", "otel_agent_telemetry")
_KEPT = {"HOME", "PATH", "PYTHONPYCACHEPREFIX"}


@dataclass(frozen=True, slots=True)
class Done:
    """How a process ended, and what it wrote to its two streams."""

    code: int
    out: str
    err: str


def environment(**variables: object) -> dict[str, str]:
    """An environment of the home of the test, what measures coverage, and these variables: nothing else."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_") or name in _KEPT}
    ours = {"TZ": "UTC", "PYTHONPATH": SOURCES, "PYTHONWARNINGS": "error"}
    return {**kept, **ours, **{name: str(value) for name, value in variables.items()}}


def execute(command: list[str], variables: dict[str, str]) -> Done:
    """Run a command to its end, with nothing on its standard input."""
    run = subprocess.run(
        command, env=variables, check=False, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )
    return Done(run.returncode, run.stdout, run.stderr)


def agent_telemetry(*arguments: object, **variables: object) -> Done:
    """Run ``agent-telemetry ARGUMENTS``."""
    return execute([*COMMAND, *map(str, arguments)], environment(**variables))


def program(code: str, *arguments: object, **variables: object) -> Done:
    """Run a Python program."""
    return execute([sys.executable, "-c", dedent(code), *map(str, arguments)], environment(**variables))


def all_of(descriptor: int) -> str:
    """What comes until the last process that could write has closed its end, which Linux reports as an error."""
    read = b""
    while True:
        try:
            part = os.read(descriptor, 4096)
        except OSError:
            part = b""
        if not part:
            return read.decode()
        read += part
