"""Messages whose handlers end in each way that FastStream knows, on Redis."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from faststream import FastStream
from faststream.exceptions import AckMessage, NackMessage, RejectMessage
from faststream.redis import ListSub, RedisBroker, RedisMessage, StreamSub

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
broker = RedisBroker(os.environ["REDIS"])
app = FastStream(broker)


def first_time(name: str) -> bool:
    """Whether it is, in any process."""
    try:
        (folder / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def done(name: str) -> None:
    """Tell the test."""
    (folder / f"{name}-{os.urandom(4).hex()}.done").touch()


def group(name: str) -> Any:
    """A stream of a group, and the same whose messages come from those that gave them back or died."""
    reading = broker.subscriber(stream=StreamSub(name, group="g", consumer="c", polling_interval=50))
    claiming = broker.subscriber(stream=StreamSub(name, group="g", consumer="d", min_idle_time=300))

    def both(handler: Any) -> Any:
        return claiming(reading(handler))

    return both


@broker.subscriber(list="succeed")
def succeed(number: int, message: RedisMessage) -> None:
    """End well, and see no header of ours."""
    assert number == 1
    assert not [name for name in message.headers if "telemetry" in name]
    done("succeed")


@broker.subscriber("channel")
async def channel(number: int) -> None:
    """Hear of what everybody hears of."""
    assert number == 2
    done("channel")


@broker.subscriber(list="fail")
async def fail(_: str) -> None:
    """End with an exception, on a list, which takes nothing back."""
    done("fail")
    raise LookupError


@broker.subscriber(list="nack")
async def nack(_: str) -> None:
    """Give it back to a list, which takes nothing back."""
    done("nack")
    raise NackMessage


@broker.subscriber(list="delegate")
@broker.publisher(list="succeed")
async def delegate(_: str) -> int:
    """Publish a message, have one answered, and give one for the publisher."""
    await broker.publish(2, channel="channel")
    response = await broker.request(3, list="answer", timeout=10)
    assert await response.decode() == 4
    return 1


@broker.subscriber(list="answer")
async def answer(number: int) -> int:
    """Answer a request."""
    return number + 1


@broker.subscriber(list=ListSub("batch", batch=True, polling_interval=0.05))
async def batch(numbers: list[int]) -> None:
    """Take several at once."""
    for _ in numbers:
        done("batch")


@group("again")
async def again(_: str) -> None:
    """Give it back the first time."""
    if first_time("again"):
        raise NackMessage
    done("again")


@group("reject")
async def reject(_: str) -> None:
    """Refuse it, and a stream has it still."""
    if first_time("reject"):
        raise RejectMessage
    done("reject")


@group("raise")
async def raises(_: str) -> None:
    """End with an exception, and a stream has it still."""
    if first_time("raise"):
        raise LookupError
    done("raise")


@group("accept")
async def accept(_: str) -> None:
    """Accept it by an exception."""
    done("accept")
    raise AckMessage


@group("linger")
async def linger(_: str) -> None:
    """Outlive the first worker."""
    if first_time("lingering"):
        with suppress(Exception):
            telemetry.flush(5, send=False)
        done("lingering")
        await asyncio.sleep(60)
    done("linger")


@app.after_startup
async def started() -> None:
    """Tell the test."""
    (folder / "started").touch()
