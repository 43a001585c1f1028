"""Publishes a task of each kind and waits until all have ended but the one that sleeps."""

from __future__ import annotations

import asyncio
import sys
import time

import taskiq_app as app
from taskiq.kicker import AsyncKicker

DEADLINE = time.monotonic() + 25


async def main() -> int:
    """Zero once every task has ended."""
    await app.broker.startup()
    unknown: AsyncKicker[[], None] = AsyncKicker("unknown", app.broker, {})
    await unknown.kiq()
    await app.sleep.kiq()
    await app.hide.kiq()
    tasks = (app.succeed, app.retry, app.exhaust, app.requeue, app.reject, app.delegate, app.work)
    published = [await task.kiq() for task in (*tasks, app.too_long, app.cancel)]
    published.append(await app.fail.kicker().with_labels(priority=7).kiq())
    files = [app.folder / "sleeping", app.folder / "hidden"]
    while not all([await each.is_ready() for each in published] + [each.exists() for each in files]):
        await asyncio.sleep(0.02)
        if time.monotonic() > DEADLINE:
            return 1
    await app.broker.shutdown()
    return 0


sys.exit(asyncio.run(main()))
