"""``python -m tests.local.million FILE``: the demo's store with a million spans and 100,000 log records beside it.

The spans are those that ``benchmarks/local.py`` sends.
"""

from __future__ import annotations

import random
import runpy
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from otel_agent_telemetry.local import Keeper, Limits, Store
from tests.cli.command import COMMAND, environment
from tests.local.serving import wait_until
from tests.local.signals import log, logs

ROOT = Path(__file__).parents[2]
STORE = ROOT / "build" / "million.sqlite"
SPANS, RECORDS, BATCH = 1_000_000, 100_000, 512
LONGEST = 10_000


def main(path: Path) -> None:
    """Make the store; one that was begun and not finished is made anew."""
    made = path.resolve().with_name(f"{path.name}.part")
    path.parent.mkdir(exist_ok=True)
    for old in path.parent.glob(f"{made.name}*"):
        old.unlink()
    command = [*COMMAND, "demo", "--db", str(made)]
    subprocess.run(
        command, env=environment(PYTHONWARNINGS="default"), check=True, stdout=subprocess.DEVNULL, timeout=600
    )
    with closing(Store(made)) as store:
        fill(store)
        keeper = Keeper(store, Limits())
        keeper.start()
        wait_until(lambda: is_ready(store), "everything to be read, settled, priced and indexed", seconds=1800)
        keeper.end()
    made.replace(path)


def fill(store: Store) -> None:
    """Store the spans, a trace of 10,000 among them, and the records."""
    made_batch: Any = runpy.run_path(str(ROOT / "benchmarks" / "_load.py"))["made_batch"]
    source = random.Random(7)  # noqa: S311 - made up
    for _ in range(0, SPANS, BATCH):
        store.add_spans(made_batch(source, BATCH))
    store.add_spans(made_batch(source, LONGEST, LONGEST))
    for first in range(0, RECORDS, BATCH):
        store.add_logs(logs(*(log(f"line {first + at}", at=first + at) for at in range(BATCH))))


_LEFT = """
SELECT (SELECT upto FROM reading) < (SELECT max(id) FROM spans) OR EXISTS (SELECT 1 FROM traces WHERE unsettled > 0)
OR coalesce((SELECT upto FROM indexed), 0) < (SELECT max(id) FROM spans) - 255
OR EXISTS (SELECT 1 FROM traces WHERE NOT unsettled AND id NOT IN (SELECT trace FROM priced))
"""


def is_ready(store: Store) -> bool:
    """Whether nothing is left to work out."""
    with closing(store.reader()) as connection:
        return not connection.execute(_LEFT).fetchone()[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
