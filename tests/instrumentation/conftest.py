"""The servers that the programs of this folder talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.scripted_model import ModelServer
from tests.instrumentation.redis_server import RedisServer
from tests.matrix.model import serving
from tests.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["postgres"]


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
