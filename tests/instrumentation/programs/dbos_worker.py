"""Runs workflows until it is asked to stop."""

from __future__ import annotations

import signal
import threading

import dbos_app
from dbos import DBOS

stop = threading.Event()


def asked(*_: object) -> None:
    """Stop."""
    stop.set()


signal.signal(signal.SIGTERM, asked)
DBOS(config=dbos_app.config)
DBOS.launch()
DBOS.register_queue("jobs", polling_interval_sec=0.1)
DBOS.register_queue("busy", polling_interval_sec=0.1, worker_concurrency=1)
(dbos_app.folder / "launched").touch()
while not stop.wait(0.1):
    pass
DBOS.destroy()
