"""Runs tasks that others hand over, until it is asked to stop."""

from __future__ import annotations

import asyncio

import prefect_app as app
from prefect.task_worker import aserve

asyncio.run(aserve(app.background, app.plain))
