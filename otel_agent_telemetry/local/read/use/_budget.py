"""A budget: so many US dollars an hour, a day or a month, and what of it is spent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypedDict

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.read._moments import iso
from otel_agent_telemetry.local.store._hours import COUNTED, used
from otel_agent_telemetry.local.store._spending import Cost, costs_by_key

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Budget", "BudgetShape", "parse_budget", "spent"]

_NUMBER = r"(\d{1,9}(?:\.\d{1,6})?)"
_FORM = re.compile(rf"\s*(?:\$\s*{_NUMBER}|{_NUMBER}\s*USD)\s*/\s*(hour|day|month)\s*", re.IGNORECASE)
_LATEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Budget:
    """At most ``usd`` US dollars ``per`` ``hour``, ``day`` or ``month`` of the calendar, in UTC."""

    usd: float
    per: str

    def __str__(self) -> str:
        """``5USD/day``, as :func:`parse_budget` reads it."""
        return f"{self.usd:f}".rstrip("0").rstrip(".") + f"USD/{self.per}"


class BudgetShape(TypedDict):
    """A budget and what is spent since ``since``, the beginning of its hour, day or month.

    Calls without a known price are not in ``spent_usd``; ``is_over`` is true once it is more than the limit.
    """

    limit_usd: float
    per: str
    since: str
    spent_usd: float
    cost_is_estimate: bool
    unpriced_calls: int
    is_over: bool


def parse_budget(text: str) -> Budget:
    """The budget that ``5USD/day`` or ``$5/day`` names. Raises InputError."""
    match = _FORM.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not a budget; expected dollars per hour, day or month, such as 5USD/day or 0.50USD/hour"
        raise InputError(msg)
    return Budget(float(match[1] or match[2]), match[3].lower())


def spent(connection: sqlite3.Connection, budget: Budget, now_ns: int) -> BudgetShape:
    """What of the budget is spent in the hour, day or month that ``now_ns`` is in."""
    since = _begun(budget.per, now_ns)
    rows = used(connection, "model", (since, _LATEST), hour="0", key="0")
    cost = costs_by_key((0, *row[2:-COUNTED]) for row in rows).get(0, Cost())
    return {
        "limit_usd": budget.usd,
        "per": budget.per,
        "since": iso(since),
        "spent_usd": cost.usd or 0.0,
        "cost_is_estimate": cost.is_estimate,
        "unpriced_calls": cost.unpriced,
        "is_over": (cost.usd or 0.0) > budget.usd,
    }


def _begun(per: str, now_ns: int) -> int:
    now = _EPOCH + timedelta(microseconds=now_ns // 1000)
    begun = now.replace(minute=0, second=0, microsecond=0)
    if per != "hour":
        begun = begun.replace(hour=0, day=begun.day if per == "day" else 1)
    return (begun - _EPOCH) // timedelta(microseconds=1) * 1000
