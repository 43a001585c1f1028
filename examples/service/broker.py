"""The queue between the API and its workers: Celery on a folder, so that no broker needs to be installed."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

folder = Path(os.environ.get("SERVICE_FOLDER", "service-data")).resolve()
messages, control, results = (folder / name for name in ("messages", "control", "results"))
for each in (messages, control, results):
    each.mkdir(parents=True, exist_ok=True)

queue = Celery(
    "service",
    broker="filesystem://",
    broker_transport_options={
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.1,
    },
    result_backend=results.as_uri(),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
