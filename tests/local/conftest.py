"""A running server for each test that asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import Store
from tests.local.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    """A server over an empty store."""
    with Serving(tmp_path / "traces.sqlite") as serving:
        yield serving


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "traces.sqlite")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC here, wherever the tests run."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
