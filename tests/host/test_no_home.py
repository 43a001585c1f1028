"""A user without a home: a container with a random uid, no HOME and no entry in the password file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.programs import environment

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import otel_agent_telemetry as telemetry

telemetry.configure()
telemetry.server_shutdown(sessions_processed=1)
print(telemetry.flush(5), telemetry.decision().enabled)
"""
ALLOWED = {"AGENT_TELEMETRY_ALLOW_IN_TESTS": "1", "AGENT_TELEMETRY_NOTICE": "0"}


def without_home(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A Python program in that folder, where ``~`` stands for nothing."""
    given = environment(**{"HOME": "~", **ALLOWED, **variables})
    return subprocess.run(
        [sys.executable, *arguments], check=False, cwd=folder, env=given, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("variables", [{}, {"AGENT_TELEMETRY_STATE_DIR": "~nobody-at-all/state"}], ids=["", "named"])
def test_a_program(tmp_path: Path, variables: dict[str, str]) -> None:
    """It runs, its events do not outlive it, which is said once, and no folder is made where it runs."""
    done = without_home(tmp_path, "-c", PROGRAM, **variables)
    assert (done.returncode, done.stdout) == (0, "True True\n")
    assert done.stderr.count("events cannot outlive this process: ledger /dev/null/no-home") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_choice(tmp_path: Path) -> None:
    """``off`` refuses, as it could not hold anywhere else, and says what holds instead; ``status`` goes on."""
    off = without_home(tmp_path, "-m", "otel_agent_telemetry", "off")
    status = without_home(tmp_path, "-m", "otel_agent_telemetry", "status")
    assert (off.returncode, "ANONYMIZED_TELEMETRY=false in the environment" in off.stderr) == (1, True)
    assert (status.returncode, status.stdout.splitlines()[0].startswith("anonymous events: on")) == (0, True)
    assert list(tmp_path.iterdir()) == []
