"""A proxy from its start to its end: bound, told, and ended by a signal with all that was taken in the file."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.maintainers.answers._reading import Reading
from otel_agent_telemetry.maintainers.answers._report import Asked
from otel_agent_telemetry.maintainers.book._arrivals import Reader
from otel_agent_telemetry.maintainers.book._book import Book
from otel_agent_telemetry.maintainers.receive._door import Door
from otel_agent_telemetry.maintainers.receive._showing import Showing
from otel_agent_telemetry.maintainers.receive._silence import end_silence

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

__all__ = ["serve"]

_IDLE_SECONDS = 75.0
_MOST_FILES = 8192


def serve(
    path: str | os.PathLike[str],
    *,
    host: str,
    port: int,
    began: Callable[[str], None],
    rate: float = 2000.0,
    stopped: Sequence[str] = (),
    token: str | None = None,
    least: int = 5,
) -> None:
    """Receive into the book at ``path`` until SIGINT or SIGTERM.

    ``began`` is told the address, and ``least`` is how many installations a row of the report needs.
    Raises InputError where the address is taken and StoreError where the file cannot be used.
    """
    _make_room()
    book, reading = Book(path), Reading(path)
    showing = Showing(reading, Asked(least=least))
    door = Door(book, Reader(), showing, rate=rate, stopped=stopped, token=token)
    try:
        asyncio.run(_run(door, host, port, began))
    finally:
        reading.close()  # first: whoever closes the book last brings its log into it
        book.close()


async def _run(door: Door, host: str, port: int, began: Callable[[str], None]) -> None:
    runner = web.AppRunner(door.application(), access_log=None, keepalive_timeout=_IDLE_SECONDS, shutdown_timeout=2.0)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - it has been set up
    watching = asyncio.create_task(end_silence(runner.server, door.has_asked, door.ended_silent))
    try:
        site = web.TCPSite(runner, host, port, backlog=512)
        try:
            await site.start()
        except OSError as error:
            msg = f"cannot listen on {host}:{port}: {error.strerror}; try `agent-telemetry proxy --port 0`"
            raise InputError(msg) from error
        began(f"http://{host}:{runner.addresses[0][1]}")
        await _until_told()
    finally:
        watching.cancel()
        await runner.cleanup()


def _make_room() -> None:
    """As many open files as this process may have, up to a bound: each connection is one."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _until_told() -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
