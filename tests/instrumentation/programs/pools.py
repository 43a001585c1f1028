# ruff: noqa: T201 - it prints for its test
"""``python -m pools START_METHOD``: work in processes and in pools of both kinds, some of which goes wrong.

Each piece of work is a tool call. Prints what came of each, as the program sees it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import BaseContext


def work(name: str) -> str:
    """Do it; what is called after what goes wrong fails."""
    with telemetry.tool(name):
        if name == "fail":
            raise LookupError(name)
        if name == "die":
            telemetry.flush(5, send=False)
            os.kill(os.getpid(), signal.SIGKILL)
        return name


def called(told: object) -> None:
    """Be called with a result."""
    value = told.exception() or told.result() if isinstance(told, Future) else told  # pyright: ignore[reportUnknownVariableType] - of any type
    with telemetry.tool(f"called with {type(value).__name__}"):  # pyright: ignore[reportUnknownArgumentType] - as above
        pass


def outcome(ask: Callable[[], object]) -> object:
    """What it gives, or what it raises."""
    try:
        return ask()
    except (Exception, BrokenProcessPool) as error:  # noqa: BLE001 - to be printed
        return f"{type(error).__name__}: {str(error)[:40]}"


def in_pool(pool: Any) -> None:
    """One piece of work by each method of a ``multiprocessing.Pool``."""
    print(pool.map(work, ["map"]), pool.starmap(work, [("starmap",)]), pool.apply(work, ("apply",)))
    print(list(pool.imap(work, ["imap"])), list(pool.imap_unordered(func=work, iterable=["imap_unordered"])))
    print(outcome(lambda: pool.apply(work, ("fail",))))
    done = threading.Event()

    def failed(error: object) -> None:
        called(error)
        done.set()

    pool.apply_async(work, ("async",), callback=called).wait()
    pool.apply_async(work, ("fail",), {}, None, failed)
    done.wait(20)


def in_executor(pool: Any) -> None:
    """One piece of work by each method of an executor."""
    print(list(pool.map(work, ["map"])), pool.submit(work, "submit").result())
    future = pool.submit(work, "fail")
    future.add_done_callback(called)
    print(outcome(future.result))


def long_lived(context: BaseContext) -> None:
    """Each piece of work belongs to whoever asks for it, whoever made the pool."""
    with ProcessPoolExecutor(1, mp_context=context) as pool, ThreadPoolExecutor(1) as threads:
        with telemetry.session(id="maker"), telemetry.task("maker"):
            pool.submit(work, "maker").result()
            threads.submit(work, "maker").result()
        with telemetry.session(id="user"), telemetry.task("user"):
            pool.submit(work, "user").result()
            threads.submit(work, "user").result()
        pool.submit(work, "nobody").result()
        threads.submit(work, "nobody").result()


def ended_by_force(method: str, context: Any) -> None:
    """A worker that is killed, and a pool that is ended in the middle of its work."""
    with telemetry.session(id=method), telemetry.task("killed"), ProcessPoolExecutor(1, mp_context=context) as pool:
        print(pool.submit(work, "before").result(), outcome(pool.submit(work, "die").result))
    with telemetry.session(id=method), telemetry.task("stopped"), context.Pool(1) as pool:
        pool.apply_async(time.sleep, (600,))
        print(outcome(lambda: pool.apply_async(work, ("never",)).get(0.5)))


def main(method: str) -> None:
    """Do it all."""
    context: Any = multiprocessing.get_context(method)
    with telemetry.session(id=method), telemetry.task("process"):
        child: Any = context.Process(target=work, args=("alone",))
        child.start()
        child.join()
        print(child.exitcode, [name for name in dir(child) if "telemetry" in name])
    with telemetry.session(id=method), telemetry.task("pool"), context.Pool(1) as pool:
        in_pool(pool)
        with_pool: Any = pool
        print(outcome(lambda: with_pool.apply(lambda: None)))
    with telemetry.session(id=method), telemetry.task("thread pool"), ThreadPool(2) as pool:
        in_pool(pool)
    with telemetry.session(id=method), telemetry.task("executor"), ProcessPoolExecutor(1, mp_context=context) as pool:
        in_executor(pool)
        print(outcome(pool.submit(lambda: None).result))
    with telemetry.session(id=method), telemetry.task("threads"), ThreadPoolExecutor(2) as pool:
        in_executor(pool)
    long_lived(context)
    if method == "fork":  # a new interpreter for each process takes long
        ended_by_force(method, context)


if __name__ == "__main__":
    main(sys.argv[1])
