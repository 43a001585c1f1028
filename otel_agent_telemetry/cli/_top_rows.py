"""The rows of ``top``: its columns, and the cells of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.cli._table import Column, amount, dollars, duration
from otel_agent_telemetry.cli._when import clock_time

if TYPE_CHECKING:
    from otel_agent_telemetry.local import RunningShape

__all__ = ["COLUMNS", "row_of"]

COLUMNS = (
    Column("AGENT", stretch=True),
    Column("SESSION", 3, stretch=True),
    Column("RUNNING", 1, right=True),
    Column("LAST", 5),
    Column("CALLS", 2, right=True),
    Column("TOOLS", 4, right=True),
    Column("TOKENS", 6, right=True),
    Column("TOK/MIN", right=True),
    Column("COST", right=True),
    Column("ERRORS", right=True),
)


def row_of(shape: RunningShape) -> list[str]:
    """The cells of a row, in the order of :data:`COLUMNS`."""
    spent = (shape["input_tokens"] or 0) + (shape["output_tokens"] or 0)
    return [
        shape["agent"] or shape["name"],
        shape["session"] or shape["trace_id"] or "",
        duration(shape["running_ms"]),
        clock_time(shape["last"])[:8],
        amount(shape["calls"]),
        amount(shape["tools"]),
        amount(spent),
        amount(shape["tokens_per_minute"]),
        dollars(shape["cost_usd"], is_estimate=shape["cost_is_estimate"], unpriced=shape["unpriced_calls"]),
        amount(shape["errors"]),
    ]
