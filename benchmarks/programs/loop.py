"""``loop.py PEER``: how late an event loop is, in ms, while 50 tasks make some 1,000 tool calls a second."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import TYPE_CHECKING

from peers import PEERS

if TYPE_CHECKING:
    from peers import Peer

SECONDS, TASKS = 6.0, 50


async def agent(peer: Peer, ends_at: float) -> None:
    """Call tools."""
    while time.monotonic() < ends_at:
        peer.tool()
        await asyncio.sleep(TASKS / 1_000)


async def watch(ends_at: float) -> list[float]:
    """How much later than asked for a sleeper wakes."""
    late: list[float] = []
    while time.monotonic() < ends_at:
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        late.append((time.perf_counter() - due) * 1e3)
    return late


async def measured(peer: Peer) -> list[float]:
    """One run."""
    ends_at = time.monotonic() + SECONDS
    found = await asyncio.gather(watch(ends_at), *(agent(peer, ends_at) for _ in range(TASKS)))
    return found[0]


def main() -> None:
    """Measure one peer."""
    peer = PEERS[sys.argv[1]](None, 100)
    late = sorted(asyncio.run(measured(peer)))
    print(json.dumps({"p50": statistics.median(late), "p99": late[int(len(late) * 0.99)]}))


if __name__ == "__main__":
    main()
