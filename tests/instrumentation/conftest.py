"""The servers that the programs of this folder talk to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.scripted_model import ModelServer
from tests.instrumentation.redis_server import RedisServer
from tests.matrix.model import serving
from tests.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["postgres"]

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before those are left out that a target does not run
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.frameworks)


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """An OpenAI-compatible server that follows its script and counts what it hands out."""
    with serving(ModelServer(slow_seconds=3)) as server:
        yield server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty Redis server."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url
