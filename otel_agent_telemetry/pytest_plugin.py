"""The pytest plugin: the fixture ``agent_telemetry_recorder``. PYTEST_DONT_REWRITE.

pytest loads this file wherever the package is installed, so it imports nothing until a test asks for the fixture.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry._recorder import Recorder

__all__ = ["agent_telemetry_recorder", "pytest_assertrepr_compare"]


@pytest.fixture
def agent_telemetry_recorder(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """The anonymous events, spans and tokens of the code under test: no network, no file in the home, no opt-out.

    docs/how-to/testing.md says how to use it.
    """
    from otel_agent_telemetry._recorder import recording, surroundings

    folder = tmp_path_factory.mktemp("agent-telemetry")
    for name, value in surroundings(str(folder)).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    with recording(str(folder)) as recorder:
        yield recorder


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Where two lists of events differ, event by event; None for all else."""
    recorder = sys.modules.get("otel_agent_telemetry._recorder")
    return None if recorder is None or op != "==" else recorder.differences(left, right)
