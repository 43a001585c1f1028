"""Tokens that a program says as the sum of its whole session, whichever of its processes used them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.harnesses._told import Usage

if TYPE_CHECKING:
    from otel_agent_telemetry.harnesses._told import Told

__all__ = ["Sums", "added", "beyond"]

_MOST_SESSIONS = 1024


class Sums:
    """What each session used so far, as far as this process read it."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Usage] = OrderedDict()

    def used(self, session: str, whole: Usage, told: Told, *, is_first: bool) -> None:
        """Tell what is new of a sum; the first one of a resumed session that nobody here saw before tells nothing."""
        before = self._known.pop(session, None)
        if is_first and not told.resumes:
            before = None
        self._known[session] = whole
        if len(self._known) > _MOST_SESSIONS:
            self._known.popitem(last=False)
        if before is not None:
            told.used(None, Usage(*map(beyond, whole, before)))
        elif not told.resumes:
            told.used(None, whole)


def beyond(whole: Any, before: Any) -> Any:
    """What a figure has beyond another; None where it is not known."""
    return None if whole is None else max(whole - (before or 0), 0)


def added(one: Any, two: Any) -> Any:
    """Two figures as one; what is not known is none."""
    return (one or 0) + (two or 0)
