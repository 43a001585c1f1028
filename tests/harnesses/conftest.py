"""A model and a local server for each test of a real coding agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harnesses.lab import Lab
from tests.harnesses.model_server import ModelServer
from tests.local.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A model and a local server, for one test."""
    with ModelServer() as server, Serving(tmp_path / "traces.sqlite") as serving:
        yield Lab(server, serving, tmp_path)
