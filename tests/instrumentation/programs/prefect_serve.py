"""Serves flows until it is asked to stop; each run has a process of its own."""

from __future__ import annotations

from typing import Any

import prefect_app as app
from prefect import serve

flows: list[Any] = [app.succeed, app.again, app.cancelled, app.killed]
serve(*(flow.to_deployment("here") for flow in flows), pause_on_shutdown=False, limit=2)
