"""Enqueues the named tasks, or one of each kind, and waits until all have ended, unless the first name is ``only``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import huey_app as app

if TYPE_CHECKING:
    from collections.abc import Callable


EACH = ("succeed", "fail", "again", "exhaust", "ask_again", "give_up")


def wait_until(what: Callable[[], object]) -> None:
    """Return once it is true."""
    deadline = time.monotonic() + 40
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ended(result: Any) -> bool:
    """Whether a result, or a failure, is there."""
    return bool(app.huey.storage.has_data_for_key(result.id))


def main(*names: str) -> None:
    """Do it."""
    is_all = names[:1] != ("only",)
    each = [
        getattr(app, name)()
        for name in names[not is_all :] or ("succeed", "fail", "again", "exhaust", "ask_again", "give_up")
    ]
    if not names:
        with app.huey.lock_task("busy"):
            each += [app.locked(), app.too_long()]
            app.revoked.schedule(delay=0.2).revoke()
            each.append(app.succeed(1, two=2))
            wait_until(lambda: ended(each[-3]))
        app.expire()
        app.later.schedule(delay=1)
        app.huey.enqueue(app.first.s().then(app.second))
        app.delegate()
    if is_all:
        wait_until(lambda: all(map(ended, each)))
        wait_until(lambda: not app.huey.pending_count() and not app.huey.scheduled_count())
        time.sleep(1)


main(*sys.argv[1:])
