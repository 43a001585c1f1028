"""A row of the table."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Row", "machine", "shown"]


@dataclass(frozen=True)
class Row:
    """What was measured, its unit, each round's figure, and the aim: at most that, or with ``more`` at least."""

    what: str
    unit: str
    figures: list[float]
    aim: float | None = None
    more: bool = False

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.figures)

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met, None where there is none."""
        if self.aim is None:
            return None
        return self.median >= self.aim if self.more else self.median <= self.aim

    def kept(self) -> dict[str, Any]:
        """The row as it stands in the file."""
        figures = [_rounded(figure) for figure in (self.median, min(self.figures), max(self.figures))]
        median, least, most = figures
        known = {"what": self.what.strip(), "unit": self.unit, "median": median, "least": least, "most": most}
        return known if self.aim is None else {**known, "aim": self.aim, "met": self.is_met}


def shown(row: Row) -> str:
    """what                                                                 median      least       most    aim"""  # noqa: D400, D403, D415 - the head of the table
    figures = "".join(f"{_text(figure, row.unit):>11}" for figure in (row.median, min(row.figures), max(row.figures)))
    aim = "" if row.aim is None else f"{'>=' if row.more else '<='} {_text(row.aim, row.unit)}"
    return f"{row.what:<66}{figures}  {aim:<11}{'' if row.is_met in (None, True) else 'not met'}".rstrip()


def machine() -> dict[str, Any]:
    """The machine in general words."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"processor": model, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


def _rounded(figure: float) -> float:
    return float(f"{figure:.4g}")


def _text(figure: float, unit: str) -> str:
    number = f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
    return f"{number} {unit}".rstrip()
