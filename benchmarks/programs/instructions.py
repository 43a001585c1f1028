"""What the hot paths execute, one after the other: run under callgrind, whose counts ``os.getppid`` cuts into parts.

Each step is done :data:`COUNT` times between two calls; :data:`ORDER` names them.
"""

from __future__ import annotations

import os
import tempfile

COUNT = 200
ORDER = ("sdk_tool", "ours_tool", "sdk_request", "ours_request", "sdk_event", "ours_event", "writing")


def main() -> None:
    """Run all of them once to warm up and once to be counted."""
    from peers import PEERS
    from writing import records, stream_in

    sdk, ours = PEERS["sdk"](None, 100), PEERS["ours"](None, 1)
    steps = [sdk.tool, ours.tool, sdk.request, ours.request, sdk.event, ours.event]
    for step in steps:
        for _ in range(30):
            step()
    ours.settle()
    with tempfile.TemporaryDirectory() as folder:
        stream, given = stream_in(folder), records(2 * COUNT)
        for record in given[:COUNT]:
            stream.ended(record, 0)
        stream.drain()
        for step in steps:
            os.getppid()
            for _ in range(COUNT):
                step()
            os.getppid()
            ours.settle()
        os.getppid()
        for record in given[COUNT:]:
            stream.ended(record, 0)
        stream.drain()
        os.getppid()
    os._exit(0)


if __name__ == "__main__":
    main()
