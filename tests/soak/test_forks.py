"""Many workers that fork many children, which leave at once: each event of each process is kept, once."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, run
from tests.soak.sizes import sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = """
    import multiprocessing, sys, time, warnings
    import otel_agent_telemetry as telemetry

    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: that is the test
    workers, forks = map(int, sys.argv[1:])
    context = multiprocessing.get_context("fork")

    def child(number):
        telemetry.server_shutdown(sessions_processed=number)

    def worker(number):
        for step in range(forks):
            first = 10_000 * number + 2 * step
            telemetry.server_shutdown(sessions_processed=first)
            process = context.Process(target=child, args=(first + 1,))
            process.start()
            process.join()
            assert process.exitcode == 0

    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=9_999_999)
    processes = [context.Process(target=worker, args=(number,)) for number in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print([process.exitcode for process in processes])
"""


@sizes("FORKS", short=5, long=200)
def test_forks(size: int, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """Workers that record while they fork, and children that record and leave, lose nothing and hang nobody."""
    workers = min(size, 8)
    assert run(PROGRAM, workers, size, variables=allowed(tmp_path)) == f"{[0] * workers}\n"
    found = Counter(json.loads(body)["properties"]["sessionsProcessed"] for body in stored(tmp_path))
    expected = {10_000 * number + step for number in range(workers) for step in range(2 * size)}
    assert found == dict.fromkeys(expected | {9_999_999}, 1)
    figure(
        f"{workers} workers x {size} forks",
        f"{len(found)} events of {workers * (size + 1) + 1} processes, 0 lost, 0 twice",
    )
