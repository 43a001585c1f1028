"""Publishes the named messages, or one of each kind, and waits until all have been processed."""

from __future__ import annotations

import asyncio
import sys
import time

import faststream_app as app

EXPECTED = {
    "succeed": 2,
    "channel": 2,
    "fail": 1,
    "nack": 1,
    "batch": 2,
    "again": 1,
    "reject": 1,
    "raise": 1,
    "accept": 1,
}


async def main(*names: str) -> None:
    """Do it."""
    async with app.broker:
        for name in names:
            await app.broker.publish("", stream=name)
        if names:
            return
        await app.broker.publish(1, list="succeed")
        await app.broker.publish(2, channel="channel")
        for name in ("fail", "nack", "delegate"):
            await app.broker.publish("", list=name)
        await app.broker.publish_batch(1, 2, list="batch")
        for name in ("again", "reject", "raise", "accept"):
            await app.broker.publish("", stream=name)
        deadline = time.monotonic() + 40
        while any(len([*app.folder.glob(f"{name}-*.done")]) < number for name, number in EXPECTED.items()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


asyncio.run(main(*sys.argv[1:]))
