"""``host.py PEER|none EVENTS``: processor time of a host's work, in us a turn, with so many events a second of it."""

from __future__ import annotations

import json
import sys
import time

from peers import PEERS

STEPS = 300
STEP_SECONDS = 0.01
_TURNS = 20_000


def work(turns: int) -> int:
    """Something of the host's."""
    return sum(number * number % 7 for number in range(turns))


def main() -> None:
    """Measure."""
    name, events = sys.argv[1], int(sys.argv[2])
    peer = None if name == "none" else PEERS[name](None, 1)
    if peer is not None:
        peer.event()
        peer.settle()
    taken = min(_taken() for _ in range(20))
    turns = round(_TURNS * STEP_SECONDS / taken)
    began = time.process_time()
    for _ in range(STEPS):
        work(turns)
        for _ in range(round(events * STEP_SECONDS)):
            if peer is not None:
                peer.event()
    if peer is not None:
        peer.settle()
    print(json.dumps({"us": (time.process_time() - began) / STEPS / turns * 1e6}))


def _taken() -> float:
    began = time.thread_time()
    work(_TURNS)
    return time.thread_time() - began


if __name__ == "__main__":
    main()
