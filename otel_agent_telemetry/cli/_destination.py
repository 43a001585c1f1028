"""Where a product's events go, as far as a command can know: what its last run was told, and what is set here."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.notice import announced
from otel_agent_telemetry.pipeline.sending._others import has_own
from otel_agent_telemetry.pipeline.sending.ledger import Ledger

if TYPE_CHECKING:
    from otel_agent_telemetry.pipeline.sending.ledger import LastRun
    from otel_agent_telemetry.settings import Settings

__all__ = ["NOWHERE", "Destination", "moment", "moment_iso", "state_in_words"]

NOWHERE = "recorded, nowhere to send"
_WAITING = ("pending", "counting")


class Destination(NamedTuple):
    """The ``endpoint`` (None for nowhere) and the ``dialect`` of a product's events, and who said so."""

    endpoint: str | None
    dialect: str
    last_run: LastRun | None
    is_announced: bool = False
    """Whether only the notice of the product's first run says so, which keeps and sends nothing."""

    @classmethod
    def of(cls, settings: Settings, product: str | None) -> Destination:
        """Of that product: what its last run was told, else what is set here, else what its notice said."""
        run = None if product is None else _last_run(ledger_file(settings.state_dir, product))
        if run is None and settings.endpoint is None and product is not None:
            endpoint = announced(product, settings.state_dir)
            return cls(endpoint, settings.dialect, None, is_announced=endpoint is not None)
        if run is None or (run.endpoint is None and settings.endpoint is not None):
            return cls(settings.endpoint, settings.dialect, run)
        return cls(run.endpoint, run.dialect, run)

    def in_words(self) -> str:
        """Where events go, after a colon; says so where the last run, and not this environment, tells it."""
        if self.endpoint is None:
            return f"none: events are {NOWHERE}, until AGENT_TELEMETRY_ENDPOINT or configure(endpoint=) says where"
        if self.is_announced:
            return f"{self.endpoint}, as the notice of the first run says; that run kept and sent nothing"
        told = self.last_run is not None and self.last_run.endpoint == self.endpoint
        return f"{self.endpoint}, in the {self.dialect} dialect" + (", as of the last run" if told else "")


def _last_run(path: str) -> LastRun | None:
    if not has_own(path):
        return None
    ledger = Ledger(path)
    try:
        return ledger.last_run()
    finally:
        ledger.close()


def state_in_words(state: str, run: LastRun | None, endpoint: str | None = None) -> str:
    """What became of an event of the ledger; ``endpoint`` is the one that is set here.

    What waits in the ledger of a product that knew no endpoint is not on its way.
    """
    is_nowhere = state in _WAITING and run is not None and run.endpoint is None and endpoint is None
    return NOWHERE if is_nowhere else state


def moment(at: float) -> str:
    """Seconds since the epoch as people read them, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment_iso(at: float) -> str:
    """Seconds since the epoch as programs read them: ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
