"""kill -9 at any point loses nothing that flush() has returned for; all of it arrives in the end."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from typing import TYPE_CHECKING

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, run
from tests.soak.sizes import sizes
from tests.soak.zygote import zygote

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.recorder import Recorder

PROGRAM = """
    telemetry.configure()
    for step in range(30):
        telemetry.server_shutdown(sessions_processed=number * 100 + step)
        if telemetry.flush(0):
            say("kept", number * 100 + step)
    time.sleep(60)
"""
SENDS = """
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    print(telemetry.flush(40))
"""
LONGEST_SECONDS = 0.25
WAITS_FROM = 50  # runs; what a killed process was sending is another's to send only after 15 seconds


def ports(bodies: list[bytes]) -> set[int]:
    """The numbers that bodies tell of."""
    told = [json.loads(body)["properties"] for body in bodies]
    return {properties["sessionsProcessed"] for properties in told if "sessionsProcessed" in properties}


@sizes("KILLS", short=6, long=200)
def test_kills(size: int, tmp_path: Path, recorder: Recorder, figure: Callable[[str, str], None]) -> None:
    """A program that is killed at a random point while it starts, writes and sends has lost nothing that was kept."""
    chance = random.Random(size)  # noqa: S311 - the same points each time
    kept: set[int] = set()
    with zygote(PROGRAM, tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url) as runs:
        for number in range(size):
            process = runs.start(number)
            time.sleep(chance.uniform(0, LONGEST_SECONDS))
            os.kill(process, signal.SIGKILL)
            ended = runs.end()
            kept |= {int(line.split()[1]) for line in ended.said if line.startswith("kept ")}
            assert ended.code == -signal.SIGKILL
    assert (kept - ports(stored(tmp_path)), len(kept) >= size) == (set(), True)
    arrived = "not waited for"
    if size >= WAITS_FROM:
        assert run(SENDS, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)) == "True\n"
        # Of a request that was under way when its process was killed, a part came.
        whole = [each.body for each in recorder.requests if each.header("content-length") == str(len(each.body))]
        assert kept - ports(whole) == set()
        arrived = "all arrived"
    figure(f"kill -9 at {size} points", f"{len(kept)} events kept, 0 lost; {arrived}")
