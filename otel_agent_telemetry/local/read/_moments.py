"""Times as people write them: ``2h``, ``7d``, ``2026-11-21``, ``500ms``, ``1GB``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from otel_agent_telemetry.errors import InputError

__all__ = ["iso", "parse_duration_ns", "parse_moment_ns", "parse_size"]

_UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([A-Za-z]*)")
_FRACTION = re.compile(r"\.(\d{1,9})")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of ``500ms``, ``1.5s``, ``7d``. Raises InputError."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS_NS:
        msg = f"{text!r} is not a duration; expected a number and one of {', '.join(_UNITS_NS)}, such as 500ms or 7d"
        raise InputError(msg)
    return int(float(match[1]) * _UNITS_NS[match[2]])


def parse_moment_ns(text: str, now_ns: int) -> int:
    """Nanoseconds since the epoch of an ISO 8601 time (UTC where it names no zone), or that long before now."""
    if _NUMBER.fullmatch(text.strip()) and text.strip()[-1].isalpha():
        return now_ns - parse_duration_ns(text)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(_six_digits, text.strip().replace("Z", "+00:00")))
    except ValueError as error:
        msg = f"{text!r} is not a time; expected ISO 8601 such as 2026-11-21T09:00, or an age such as 2h"
        raise InputError(msg) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def parse_size(text: str) -> int:
    """Bytes of ``500MB`` or ``1GiB``. Raises InputError."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or match[2].upper() not in _SIZES:
        msg = f"{text!r} is not a size; expected a number and one of KB, MB, GB, KiB, MiB, GiB, such as 500MB"
        raise InputError(msg)
    return int(float(match[1]) * _SIZES[match[2].upper()])


def iso(time_ns: int) -> str:
    """ISO 8601 in UTC with microseconds; also for times that no calendar has."""
    moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _six_digits(fraction: re.Match[str]) -> str:
    """Python 3.10 reads fractions of three or six digits only."""
    return f".{fraction[1][:6]:0<6}"
