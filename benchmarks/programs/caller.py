"""``caller.py PEER [URL]``: microseconds of processor time that the caller pays for each span and event.

``*_loop`` counts every thread of the process while 20,000 of them follow each other: the time that they would take with
one interpreter lock.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING

from peers import PEERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers import Peer

COUNT, ROUNDS, LOOP = 1_000, 9, 20_000


def quiet_cost(peer: Peer, call: Callable[[], object]) -> float:
    """On the caller's own thread alone; the background gets its time in between."""
    costs: list[float] = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(COUNT):
            call()
        costs.append((time.thread_time() - began) / COUNT * 1e6)
        peer.settle()
    return statistics.median(costs)


def loop_cost(peer: Peer, call: Callable[[], object]) -> float:
    """In a tight loop, with all that happens meanwhile."""
    costs: list[float] = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(LOOP):
            call()
        costs.append((time.process_time() - began) / LOOP * 1e6)
        peer.settle()
    return statistics.median(costs)


def main() -> None:
    """Measure one peer."""
    name, url = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    peer = PEERS[name](url, 100)
    found: dict[str, float] = {}
    for what in ("tool", "request", "event"):
        call = getattr(peer, what, None)
        if call is not None:
            call()
            peer.settle()
            found[what] = quiet_cost(peer, call)
    if name in {"ours", "sdk"}:
        found["tool_loop"] = loop_cost(peer, peer.tool)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
