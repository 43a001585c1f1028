"""``growth.py sessions|spans|process COUNT TOTAL``: processor time for each tool call, and how much work there is.

With ``sessions`` so many are open at the same time, with ``spans`` each has so many; ``process`` is one of several that
write the same ledger.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """Measure."""
    kind, count, total = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="bench", notice=False)
    with telemetry.session(), telemetry.tool("search"):
        pass
    telemetry.flush(60, send=False)
    at_once = count if kind == "sessions" else 1
    each = count if kind == "spans" else max(total // at_once, 1)
    began, done = time.process_time(), 0
    while done < total:
        sessions = [telemetry.session(agent="bench").start(make_current=False) for _ in range(at_once)]
        for number in range(each):
            for session in sessions:
                telemetry.tool("search").start(parent=session, make_current=False).end()
            if number % max(1, 500 // at_once) == 0:
                telemetry.flush(60, send=False)
        for session in sessions:
            session.end()
        done += each * at_once
    telemetry.flush(60, send=False)
    print(json.dumps({"us": (time.process_time() - began) / done * 1e6}))


if __name__ == "__main__":
    main()
