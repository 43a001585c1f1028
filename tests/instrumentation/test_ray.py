"""Ray on this machine: a driver, a task and an actor in processes of their own, and the processes that Ray starts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import OURS, PYTHON, Program
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.matrix
if sys.executable == PYTHON:
    absent("ray", "make test-frameworks")


def test_rays_own_processes_are_no_programs(tmp_path: Path) -> None:
    """The driver is the one command; Ray's dashboard, agents and monitors are neither commands nor servers."""
    with Program(home=tmp_path, variables={"RAY_USAGE_STATS_ENABLED": "0"}) as program:
        assert program.run("-m", "with_ray", timeout=120) == 0
        assert program.printed().splitlines()[-1] == "[True, True]"
        assert program.counted() == {"command.executed": 1, "tool.called": 2}
        told = sorted(span.name for span in program.spans)
        assert told == ["command acme", "execute_tool actor", "execute_tool task"]
        assert {span.scope for span in program.spans} == {OURS}
