"""Telemetry over real parts: an event stream with its ledger, and an SDK whose spans and metrics can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.acme import Acme, Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    """A product's telemetry whose events end in a ledger."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    product = Acme(tmp_path)
    yield product
    product.telemetry.shutdown(0)


@pytest.fixture
def operator() -> Iterator[Operator]:
    """An operator's SDK, kept in memory, and lifecycle calls that reach it."""
    with Operator() as sdk:
        yield sdk
