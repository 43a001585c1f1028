"""Many workers that fork many children, which leave at once: each event of each process is kept, once."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, start
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


LOST = re.compile(r"(\d+) events were lost: there was no ledger that takes them, or no identity\n")
MANY = 50


@sizes("FORKS", short=5, long=200)
def test_forks(size: int, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """Workers that record while they fork, and children that record and leave, lose nothing and hang nobody.

    On a machine so busy that a child's patience with the others in the ledger ends first, its loss is said and counted.
    """
    workers = min(size, 8)
    with start(PROGRAM, workers, size, variables=allowed(tmp_path)) as process:
        output, complaints = process.communicate()
    assert (process.returncode, output) == (0, f"{[0] * workers}\n")
    lost = sum(map(int, LOST.findall(complaints)))
    found = Counter(json.loads(body)["properties"]["sessionsProcessed"] for body in stored(tmp_path))
    expected = {10_000 * number + step for number in range(workers) for step in range(2 * size)}
    assert LOST.sub("", complaints).strip() == ""
    assert (found.keys() - expected, {*found.values()}, len(found) + lost) == ({9_999_999}, {1}, len(expected) + 1)
    assert lost == 0 or size < MANY
    figure(
        f"{workers} workers x {size} forks",
        f"{len(found)} events of {workers * (size + 1) + 1} processes, {lost} lost, 0 twice",
    )
