"""``idle.py URL SECONDS``: what a process does that has events to send, a server that hangs, and nothing else to do."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

begun = 0
_connect = sqlite3.connect


class Counting(sqlite3.Connection):
    """Counts the transactions that it begins to write."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """As upstream."""
        global begun  # noqa: PLW0603 - one count for all of them
        begun += sql == "BEGIN IMMEDIATE"
        return super().execute(sql, *values)


def wake_ups() -> int:
    """How often a thread of this process has waited for something."""
    tasks = Path("/proc/self/task").glob("*/status")
    lines = [line for task in tasks for line in task.read_text("utf-8").splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))


def main() -> None:
    """Measure."""
    url, seconds = sys.argv[1], float(sys.argv[2])
    sqlite3.connect = lambda *given, **named: _connect(*given, factory=Counting, **named)
    from peers import PEERS

    peer = PEERS["ours"](url, 1)
    for _ in range(20):
        peer.event()
    time.sleep(60)
    transactions, woken = begun, wake_ups()
    time.sleep(seconds)
    each = 60 / seconds
    print(json.dumps({"transactions": (begun - transactions) * each, "wake_ups": (wake_ups() - woken - 1) * each}))


if __name__ == "__main__":
    main()
