"""``memory.py PEER SPANS``: resident megabytes after so many spans, a quarter of them tool calls, at four points."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from peers import PEERS


def resident() -> float:
    """Megabytes that the process has now; Linux only."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    """Measure one peer."""
    name, spans = sys.argv[1], int(sys.argv[2])
    peer = PEERS[name](None, 1)
    found: list[float] = []
    for _ in range(4):
        for number in range(spans // 4):
            (peer.tool if number % 4 == 0 else peer.request)()
            if number % 1_000 == 0:
                peer.settle()
        found.append(resident())
    print(json.dumps({"mb": found}))


if __name__ == "__main__":
    main()
