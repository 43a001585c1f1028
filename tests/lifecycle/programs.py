"""Small programs in processes of their own, with the settings that a test names and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PRODUCT = "acme-agents"
_STRICT = ("-W", "error", "-W", "ignore::ResourceWarning")  # the OTLP exporter leaves its last connection open
_KEPT = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "PYTEST_VERSION")


def environment(**variables: object) -> dict[str, str]:
    """The environment of a program: these variables, and what a process cannot do without."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    ours = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "instrumentation")))}
    return {**kept, **ours, **{name: str(value) for name, value in variables.items()}}


def allowed(state_dir: object, **variables: object) -> dict[str, object]:
    """Settings with which a program of ours collects events, and keeps them in that folder."""
    return {
        "AGENT_TELEMETRY_ALLOW_IN_TESTS": "1",
        "AGENT_TELEMETRY_STATE_DIR": state_dir,
        "AGENT_TELEMETRY_PRODUCT": PRODUCT,
        "AGENT_TELEMETRY_NOTICE": "0",
        **variables,
    }


class Program(subprocess.Popen[str]):
    """A program that ends with the block around it, also where a test that waits for it fails."""

    def __exit__(self, kind: type[BaseException] | None, *about: object) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, *about)  # pyright: ignore[reportArgumentType] - the error and its traceback


def start(program: str, *arguments: object, variables: Mapping[str, object] | None = None) -> Program:
    """A Python program under way, both its streams open."""
    return Program(
        [sys.executable, *_STRICT, "-c", dedent(program), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**(variables or {})),
    )


def run(program: str, *arguments: object, variables: Mapping[str, object] | None = None) -> str:
    """What a Python program prints; an AssertionError where it fails or complains."""
    with start(program, *arguments, variables=variables) as process:
        output, complaints = process.communicate(timeout=45)
    assert (process.returncode, complaints) == (0, ""), complaints
    return output


def result(program: str, *arguments: object, variables: Mapping[str, object] | None = None) -> Any:
    """What a Python program prints, read as JSON."""
    return json.loads(run(program, *arguments, variables=variables))
