"""A run with :mod:`asyncio`: its output is seen on its way to the stream that the caller reads."""

from __future__ import annotations

import asyncio
import subprocess
from asyncio.subprocess import Process, SubprocessStreamProtocol
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.harnesses._watched import PATIENCE_SECONDS, STOP_SECONDS, UNDER_WAY, signal_name

if TYPE_CHECKING:
    from otel_agent_telemetry.harnesses._watched import Watched

__all__ = ["AsyncRun"]

_STDOUT = 1
_AT_ONCE = 65_536
_LIMIT = 1 << 26
"""Bytes of a line that ``readline`` takes: a coding agent's lines hold whole files."""


class AsyncRun:
    """Starts the process of a run, and waits for it."""

    def __init__(self, run: Watched, options: dict[str, Any]) -> None:
        self._run = run
        self._options = options
        self._process: Process | None = None

    async def start(self) -> Process:
        """The process; what its program cannot be started with passes through."""
        self._run.begin()
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"stdin": None, "stdout": None, "stderr": None, **self._options}
        if self._run.pipes:
            options["stdout"] = subprocess.PIPE
        limit = options.pop("limit", _LIMIT)
        token = UNDER_WAY.set(True)
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: _Seen(self._run, limit, loop), *self._run.command, env=self._run.environment, **options
            )
        except BaseException:
            self._run.end(127)  # as a shell says that there is no such command
            raise
        finally:
            UNDER_WAY.reset(token)
        process = self._process = _Told(self._run, transport, protocol, loop)
        return process

    async def leave(self, *, stop: bool) -> None:
        """Wait until it has ended; with ``stop`` it is asked to."""
        process = self._process
        if process is None:
            return
        try:
            if stop and process.returncode is None:
                await self._stop(process)
            await self._ended(process)
        finally:
            if process.returncode is not None:
                self._run.end(process.returncode)

    async def _ended(self, process: Process) -> None:
        """Wait for it, and read what is left of its output: a full pipe would hold it up."""
        rest = asyncio.ensure_future(_read_all(process.stdout))
        try:
            await process.wait()
            await asyncio.wait([rest], timeout=PATIENCE_SECONDS)
        finally:
            rest.cancel()

    async def _stop(self, process: Process) -> None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except asyncio.TimeoutError:
            process.kill()


async def _read_all(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(_AT_ONCE):
        pass


class _Told(Process):
    """The usual process, where a signal that the caller sends is part of how the run ends."""

    def __init__(self, run: Watched, *given: Any) -> None:
        super().__init__(*given)
        self._run = run

    def send_signal(self, signal: int) -> None:
        """Send it, and tell of it."""
        self._run.stopped(signal_name(signal))
        super().send_signal(signal)

    def terminate(self) -> None:
        """Stop it."""
        self._run.stopped("SIGTERM")
        super().terminate()

    def kill(self) -> None:
        """Stop it at once."""
        self._run.stopped("SIGKILL")
        super().kill()


class _Seen(SubprocessStreamProtocol):
    """The usual protocol of a subprocess, which lets the run see the output first."""

    def __init__(self, run: Watched, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=limit, loop=loop)
        self._run = run

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        """A piece of one of its outputs."""
        if fd == _STDOUT and isinstance(data, bytes):
            self._run.feed(data)
        super().pipe_data_received(fd, data)
