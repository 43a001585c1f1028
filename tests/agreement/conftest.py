"""What every comparison relies on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.meaning import _prices

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Costs are those that spans report, as where the price list is not installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    _prices.forget()
    yield
    _prices.forget()
