"""Tasks that end in each way that a Huey task can end, on a queue in a file."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huey import CancelExecution, RetryTask, SqliteHuey  # pyright: ignore[reportMissingTypeStubs] - it has none
from huey.serializer import SignedSerializer  # pyright: ignore[reportMissingTypeStubs] - it has none

import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

folder = Path(os.environ["HOME"])
serializer: Any = SignedSerializer("secret", compression=True) if "SIGNED" in os.environ else None
huey: Any = SqliteHuey(filename=str(folder / "huey.db"), serializer=serializer)
task: Callable[..., Any] = huey.task


def count(name: str) -> int:
    """How often this has been called with that name, this time included."""
    with (folder / name).open("a+", encoding="utf-8") as file:
        file.write("x")
    return len((folder / name).read_text("utf-8"))


@task()
def succeed(number: int = 0, *, two: int = 0) -> str:
    """End well, with the program's own arguments alone."""
    assert (number, two) in {(0, 0), (1, 2)}
    return "done"


@task(priority=7)
def fail() -> None:
    """End with an exception."""
    raise LookupError


@task(retries=1)
def again() -> str:
    """End well the second time."""
    if count("again") == 1:
        raise ConnectionError
    return "done"


@task(retries=1, retry_delay=1)
def exhaust() -> None:
    """Fail each time, with a pause between."""
    raise ConnectionError


@task()
def ask_again() -> str:
    """Ask for another run, once."""
    if count("ask_again") == 1:
        raise RetryTask
    return "done"


@task()
def give_up() -> None:
    """Cancel itself."""
    raise CancelExecution(retry=False)


@task(timeout=0.3)
def too_long() -> None:
    """Run into its timeout, which only processes have."""
    time.sleep(1)


@task()
def delegate() -> str:
    """Enqueue another task."""
    succeed()
    return "done"


@task()
def later() -> None:
    """Wait for its time."""


@task()
def revoked() -> None:
    """Is revoked before it runs."""


@task(expires=dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc))
def expire() -> None:
    """Is too old when it is taken."""


@task()
def first() -> tuple[int]:
    """Hand a number to the next of its pipeline."""
    return (1,)


@task()
def second(number: int) -> None:
    """Take the number."""
    assert number == 1


@huey.lock_task("busy")
def hold() -> None:
    """Hold the lock."""


@task()
@huey.lock_task("busy")
def locked() -> None:
    """Find it held."""


@task()
def die() -> None:
    """Take the worker along."""
    with suppress(Exception):
        telemetry.flush(5, send=False)
    os.kill(os.getpid(), signal.SIGKILL)


@task()
def linger() -> None:
    """Run until the worker goes."""
    with suppress(Exception):
        telemetry.flush(5, send=False)
    (folder / "lingering").touch()
    time.sleep(60)
