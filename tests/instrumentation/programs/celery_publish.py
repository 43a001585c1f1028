"""Publishes a task of each kind, revokes two, and waits until all have ended."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta, timezone

import celery_app as tasks

DEADLINE = time.monotonic() + 25


def left() -> float:
    """Seconds until the deadline."""
    return max(0.1, DEADLINE - time.monotonic())


def main() -> int:
    """Zero once every task has ended."""
    running = tasks.sleep.delay()
    while not (tasks.folder / "sleeping").exists():
        time.sleep(0.02)
        if time.monotonic() > DEADLINE:
            return 1
    running.revoke(terminate=True)
    waiting = tasks.wait.apply_async(countdown=1)
    waiting.revoke()
    stale = tasks.expire.apply_async(expires=datetime.now(timezone.utc) - timedelta(seconds=1))
    names = ("succeed", "fail", "retry", "delegate", "replace", "too_long", "reject", "ignore")
    published = {name: getattr(tasks, name).apply_async(priority=7 if name == "fail" else None) for name in names}
    tasks.succeed.apply()
    published.pop("ignore")  # which never gets a result
    for each in (running, waiting, stale, *published.values()):
        each.get(timeout=left(), propagate=False)
    return 0


sys.exit(main())
