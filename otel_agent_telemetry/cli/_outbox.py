"""The anonymous events that products on this machine keep, for the page that shows what left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.cli._destination import state_in_words
from otel_agent_telemetry.cli._product import products
from otel_agent_telemetry.errors import TelemetryError
from otel_agent_telemetry.identity import REFERENCE_KEY_KEY, FileStore
from otel_agent_telemetry.pipeline.sending._others import has_own
from otel_agent_telemetry.pipeline.sending.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Ledgers"]

_NANOSECONDS = 1e9


class Ledgers:
    """Every product's ledger and reference key in one state directory; nothing is written."""

    def __init__(self, state_dir: str) -> None:
        self._state_dir = state_dir

    def reference_key(self, product: str) -> bytes | None:
        """The key that a product's references are hashed with, or None where its store is elsewhere."""
        try:
            stored = FileStore(self._state_dir, product).get(REFERENCE_KEY_KEY)
            return bytes.fromhex(stored.strip()) if stored else None
        except (TelemetryError, ValueError):
            return None

    def bodies(self, since_ns: int) -> Iterator[tuple[str, bytes]]:
        """Bodies recorded since then, each with its state; an unreadable ledger gives none."""
        for product in products(self._state_dir):
            path = ledger_file(self._state_dir, product)
            if has_own(path):
                yield from _entries(path, since_ns)


def _entries(path: str, since_ns: int) -> list[tuple[str, bytes]]:
    try:
        ledger = Ledger(path)
        try:
            run = ledger.last_run()
            entries = ledger.events(since=since_ns / _NANOSECONDS)
            return [(state_in_words(entry.state, run), entry.body) for entry in entries]
        finally:
            ledger.close()
    except TelemetryError:
        return []
