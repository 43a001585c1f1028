"""What every comparison relies on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local.read._prices import price_list

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Costs are those that spans report, as where the price list is not installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    price_list.cache_clear()
    yield
    price_list.cache_clear()
