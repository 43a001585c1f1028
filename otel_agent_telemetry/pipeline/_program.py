"""The program's own event stream, for exporters that the environment chose: they are made without an argument.

The roof registers how it is found, so that nothing here has to know the roof.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.pipeline.stream import EventStream

__all__ = ["ask_for_stream", "stream_from_environment"]

_asked: list[Callable[[], EventStream | None]] = []


def ask_for_stream(ask: Callable[[], EventStream | None]) -> None:
    """Find the program's stream in this way."""
    _asked[:] = [ask]


def stream_from_environment() -> EventStream | None:
    """The stream that configure() made, else one that the environment alone configures; None without consent."""
    return _asked[0]() if _asked else None
