"""The scripted model server, for all tests of this folder."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from examples.scripted_model import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """An OpenAI-compatible server that follows its script and counts what it hands out."""
    server = ModelServer(slow_seconds=3)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
