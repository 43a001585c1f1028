# pyright: reportUnknownMemberType=false
# Dramatiq leaves parts of its types open.
"""Enqueues a message of each kind and waits until all have ended but the one that sleeps."""

from __future__ import annotations

import sys
import time

import dramatiq
import dramatiq_app as app

DEADLINE = time.monotonic() + 25


def main() -> int:
    """Zero once every message has ended."""
    app.sleep.send()
    for actor in (app.succeed, app.fail, app.refuse, app.retry, app.exhaust, app.delegate, app.skip, app.too_long):
        actor.send()
    app.async_delegate.send()
    app.async_fail.send()
    app.expire.send_with_options(delay=20)
    dramatiq.pipeline([app.pipe.message(), app.take.message_with_options()]).run()
    unknown: dramatiq.Message[None] = dramatiq.Message("default", "unknown", args=(), kwargs={}, options={})
    app.broker.enqueue(unknown)
    app.broker.join("default", timeout=25_000)
    while not (app.folder / "sleeping").exists():
        time.sleep(0.02)
        if time.monotonic() > DEADLINE:
            return 1
    return 0


sys.exit(main())
