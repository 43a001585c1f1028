"""What every comparison relies on."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def _no_price_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs are those that spans report, as where the price list is not installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
