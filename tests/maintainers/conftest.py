"""A book of a made-up product's life, and a proxy that runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.maintainers.book._arrivals import Reader
from otel_agent_telemetry.maintainers.book._book import Book
from tests.maintainers.proxy import Proxy
from tests.maintainers.synthetic import Life

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Life, Path]:
    """A life, and the book that has all of it."""
    life, path = Life(), tmp_path_factory.mktemp("book") / "book.sqlite"
    reader, book, now = Reader(), Book(path), time.time()
    book.add([(None, reader.read("proxy", body, now=now)) for body in life.bodies()], {})
    book.close()
    return life, path


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """A proxy over an empty book."""
    with Proxy(tmp_path / "book.sqlite") as running:
        yield running
