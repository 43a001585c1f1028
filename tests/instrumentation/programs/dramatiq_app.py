"""Actors that end in each way that a Dramatiq message can end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, CurrentMessage, SkipMessage, TimeLimit, default_middleware

folder = Path(os.environ["HOME"])
# An interval of a tenth of a second, where the default is one.
middleware = [kind(interval=100) if kind is TimeLimit else kind() for kind in default_middleware]
broker = RedisBroker(url=os.environ["BROKER_URL"], middleware=middleware)
broker.add_middleware(AsyncIO())
broker.add_middleware(CurrentMessage())
dramatiq.set_broker(broker)


class RefusedError(Exception):
    """Is never retried."""


@dramatiq.actor
def succeed() -> None:
    """End well."""


@dramatiq.actor(max_retries=0, priority=7)
def fail() -> None:
    """End with an exception."""
    raise ValueError


@dramatiq.actor(throws=RefusedError)
def refuse() -> None:
    """End with an exception that asks for no other attempt."""
    raise RefusedError


@dramatiq.actor(max_retries=3, min_backoff=1)
def retry() -> None:
    """End well the second time."""
    message = CurrentMessage.get_current_message()
    if message is not None and message.options.get("retries", 0) == 0:
        raise ConnectionError


@dramatiq.actor(max_retries=1, min_backoff=1)
def exhaust() -> None:
    """Fail as often as it may."""
    raise ConnectionError


@dramatiq.actor
def delegate() -> None:
    """Enqueue another message."""
    succeed.send()


@dramatiq.actor
async def async_delegate() -> None:
    """Enqueue another message, from the thread of the event loop."""
    succeed.send()


@dramatiq.actor(max_retries=0)
async def async_fail() -> None:
    """End with an exception."""
    raise ValueError


@dramatiq.actor
def pipe() -> str:
    """Give what the next actor of its pipeline takes."""
    return "done"


@dramatiq.actor
def take(_: str) -> None:
    """Take it."""


@dramatiq.actor(max_age=1)
def expire() -> None:
    """Is too old when it arrives."""


@dramatiq.actor
def skip() -> None:
    """Give itself up."""
    raise SkipMessage


@dramatiq.actor(time_limit=200, max_retries=0)
def too_long() -> None:
    """Run into its time limit."""
    while True:
        time.sleep(0.01)


@dramatiq.actor(queue_name="long", notify_shutdown=True, max_retries=0)
def sleep() -> None:
    """Run until the worker stops."""
    (folder / "sleeping").touch()
    while True:
        time.sleep(0.01)
