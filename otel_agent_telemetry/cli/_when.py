"""Times for people: those of the machine's own zone, with the zone said."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clock_time", "local_time", "titled", "zone"]

_ABBREVIATION = re.compile(r"[A-Z]{2,6}")


def local_time(moment: str) -> str:
    """``2026-11-21 23:09:28`` of an ISO 8601 time, as the stable shapes have it."""
    return f"{_local(moment):%Y-%m-%d %H:%M:%S}"


def clock_time(moment: str) -> str:
    """``23:09:28.123`` of an ISO 8601 time."""
    return _local(moment).strftime("%H:%M:%S.%f")[:-3]


def zone(moment: str) -> str:
    """``CET``, or ``UTC-03:00`` where the zone has no letters: they change with the seasons, so a time is needed."""
    local = _local(moment)
    name = local.tzname() or ""
    return name if _ABBREVIATION.fullmatch(name) else f"UTC{_offset(local)}"


def titled(title: str, moments: Iterable[str]) -> str:
    """``START (CET)``, or ``START (CET, CEST)``: the title of a column with those times."""
    zones = ", ".join(dict.fromkeys(zone(moment) for moment in moments))
    return f"{title} ({zones})" if zones else title


def _local(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone()


def _offset(local: datetime) -> str:
    digits = local.strftime("%z")
    return f"{digits[:3]}:{digits[3:5]}"
