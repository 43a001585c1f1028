"""How the figures of a report read."""

from __future__ import annotations

from typing import Any

__all__ = ["figure"]

_FEW_DIGITS, _SMALL = 10, 0.01
_MEASURED = frozenset({"before", "after", "difference", "low", "high"})


def figure(column: str, value: Any, measure: str | None = None) -> str:
    """A value of a column in words; of a comparison also by what was measured: shares in percent, dollars in full."""
    if value is None:
        return "-"
    if not isinstance(value, (int, float)):
        return str(value) or "(unknown)"
    is_measured = measure is not None and column in _MEASURED
    if column.endswith("rate") or column == "share" or (is_measured and _is_share(measure or "")):
        return f"{100 * value:,.1f} %"
    if is_measured and "USD" in (measure or ""):
        return f"{value:,.4f}" if abs(value) >= _SMALL else f"{value:.6f}"
    if is_measured:
        return f"{value:,.0f}" if abs(value) >= _FEW_DIGITS else f"{value:,.1f}"
    return f"{value:,}"


def _is_share(measure: str) -> bool:
    return measure.endswith("rate") or "badly" in measure
