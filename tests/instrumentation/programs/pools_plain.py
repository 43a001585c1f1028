# ruff: noqa: T201 - it prints for its test
"""``python -m pools_plain START_METHOD``: the same kinds of processes and pools, with nothing of ours."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any


def main(method: str) -> None:
    """Do it."""
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=os.path.join, args=("a", "b"))
    child.start()
    child.join()
    with context.Pool(1) as pool, ThreadPool(1) as threads, ProcessPoolExecutor(1, mp_context=context) as executor:
        print(child.exitcode, pool.map(len, ["a"]), threads.map(len, ["b"]), executor.submit(len, "c").result())


if __name__ == "__main__":
    main(sys.argv[1])
