"""What was read of a request, and what of it was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.otlp._signals import Signal

__all__ = ["BAD_IDS", "NESTED", "MalformedError", "Reading", "has_ids", "records", "said", "unicode"]

BAD_IDS = "trace ids have 16 bytes and span ids 8, and neither may be all zero"
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_NO_TRACE, _NO_SPAN = bytes(_TRACE_ID_BYTES), bytes(_SPAN_ID_BYTES)
NESTED = "nested deeper than OTLP can be"
_LONGEST_REASON = 200


class MalformedError(InputError):
    """A body, a file or a line that is not the OTLP it should be."""


@dataclass(slots=True)
class Reading:
    """The request of one signal that a body holds, without what had to be refused: how many, and why the first."""

    signal: Signal
    request: Any  # one of the three Export...ServiceRequest
    refused: int = 0
    reason: str = ""

    def refuse(self, reason: str, count: int = 1) -> None:
        """Count records that are left out."""
        self.refused += count
        self.reason = self.reason or reason

    def refusal(self) -> str:
        """The refused as a person is told of them; empty where there are none."""
        if not self.refused:
            return ""
        which = f"a {self.signal.said} is" if self.refused == 1 else f"{self.refused} {self.signal.said}s are"
        return f"{which} left out: {self.reason}"


def records(reading: Reading) -> Iterator[Any]:
    """Every record of a request."""
    signal = reading.signal
    for holder in getattr(reading.request, signal.resources):
        for of_scope in getattr(holder, signal.scopes):
            yield from getattr(of_scope, signal.records)


def has_ids(trace_id: bytes, span_id: bytes) -> bool:
    """Whether a span can be told from others by them; see :data:`BAD_IDS`."""
    has_lengths = len(trace_id) == _TRACE_ID_BYTES and len(span_id) == _SPAN_ID_BYTES
    return has_lengths and trace_id != _NO_TRACE and span_id != _NO_SPAN


def said(error: object) -> str:
    """What an error says, short and fit to be written anywhere."""
    if isinstance(error, RecursionError):  # Python 3.12 and newer read JSON that is deeper than anything follows
        return NESTED
    text = unicode(" ".join(str(error).split()))
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."


def unicode(text: str) -> str:
    """The text with U+FFFD in place of what no encoding can write: half of a surrogate pair, cut in two."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
