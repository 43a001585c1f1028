"""``delivery.py PEER URL COUNT BATCH``: processor time and clock time from the first event to its last one's answer."""

from __future__ import annotations

import json
import sys
import time

from peers import PEERS


def main() -> None:
    """Measure one peer."""
    name, url, count, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    peer = PEERS[name](url, batch)
    peer.event()
    peer.flush()
    began, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        peer.event()
    peer.flush()
    print(json.dumps({"cpu": time.process_time() - used, "clock": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
