"""Connections from which no request comes: ended after a while, soon where there are many, so that others get in."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.web import Server

__all__ = ["end_silence"]

_ROUND_SECONDS = 1.0
_PATIENCE_SECONDS, _LITTLE_PATIENCE_SECONDS = 25.0, 2.0
_MANY = 256


async def end_silence(
    server: Server, has_asked: Callable[[asyncio.BaseTransport], bool], ended: Callable[[int], None]
) -> None:
    """End those that have not asked in time, round by round, until this is cancelled; ``ended`` is told how many.

    aiohttp has a limit for the time after an answer, and none for the time before the first request.
    """
    since: WeakKeyDictionary[asyncio.BaseTransport, float] = WeakKeyDictionary()
    while True:
        await asyncio.sleep(_ROUND_SECONDS)
        now, connections = time.monotonic(), server.connections
        patience = _LITTLE_PATIENCE_SECONDS if len(connections) > _MANY else _PATIENCE_SECONDS
        silent = [
            connection
            for connection in connections
            if (transport := connection.transport) is not None
            and not has_asked(transport)
            and now - since.setdefault(transport, now) >= patience
        ]
        for connection in silent:
            connection.force_close()
        if silent:
            ended(len(silent))
