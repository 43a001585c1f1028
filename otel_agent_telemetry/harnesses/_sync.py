"""A run with :mod:`subprocess`: its output goes through us, byte for byte, into a pipe that the caller reads."""

from __future__ import annotations

import io
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.harnesses._watched import PATIENCE_SECONDS, STOP_SECONDS, UNDER_WAY, signal_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.harnesses._watched import Watched

__all__ = ["Pump", "SyncRun"]

_AT_ONCE = 65_536
_TEXT = ("text", "universal_newlines", "encoding", "errors")


class SyncRun:
    """Starts the process of a run, and waits for it."""

    def __init__(self, run: Watched, options: dict[str, Any]) -> None:
        self._run = run
        self._options = options
        self._process: subprocess.Popen[Any] | None = None
        self._pump: Pump | None = None
        self._copying: threading.Thread | None = None

    def start(self) -> subprocess.Popen[Any]:
        """The process; what its program cannot be started with passes through."""
        self._run.begin()
        token = UNDER_WAY.set(True)
        try:
            process = self._process = self._piped() if self._run.reads else self._plain()
        except BaseException:
            self._run.end(127)  # as a shell says that there is no such command
            raise
        finally:
            UNDER_WAY.reset(token)
        self._tell_signals(process)
        return process

    def leave(self, *, stop: bool) -> None:
        """Wait until it has ended; with ``stop`` it is asked to."""
        process = self._process
        if process is None:
            return
        try:
            if self._pump is not None:
                self._pump.tells_only = True
            if stop and process.poll() is None:
                self._stop(process)
            if process.stdout is not None:
                process.stdout.close()
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
        finally:
            if self._copying is not None:
                self._copying.join(PATIENCE_SECONDS)
            if process.returncode is not None:
                self._run.end(process.returncode)

    def _plain(self) -> subprocess.Popen[Any]:
        options: dict[str, Any] = self._options | ({"stdout": subprocess.PIPE} if self._run.pipes else {})
        return subprocess.Popen(self._run.command, env=self._run.environment, **options)  # noqa: S603 - the caller's own command

    def _piped(self) -> subprocess.Popen[Any]:
        printed, prints = os.pipe()
        try:
            options: dict[str, Any] = {**self._options, "stdout": prints}
            process = subprocess.Popen(self._run.command, env=self._run.environment, **options)  # noqa: S603 - as above
        except BaseException:
            os.close(printed)
            raise
        finally:
            os.close(prints)
        theirs, ours = os.pipe()
        process.stdout = self._as_asked(theirs)
        self._pump = pump = Pump(os.fdopen(printed, "rb", buffering=0), ours, self._run.feed)

        def copy() -> None:
            try:
                pump.run()
            finally:
                os.close(ours)

        self._copying = threading.Thread(target=copy, name="agent-telemetry-harness", daemon=True)
        self._copying.start()
        return process

    def _as_asked(self, descriptor: int) -> Any:
        file = io.open(descriptor, "rb")  # noqa: SIM115, UP020 - closed by the caller, as any pipe of a process
        if not any(self._options.get(name) for name in _TEXT):
            return file
        return io.TextIOWrapper(file, encoding=self._options.get("encoding"), errors=self._options.get("errors"))

    def _stop(self, process: subprocess.Popen[Any]) -> None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _tell_signals(self, process: subprocess.Popen[Any]) -> None:
        """A signal that the caller sends is part of how the run ends."""
        send = process.send_signal

        def send_signal(sig: int) -> None:
            self._run.stopped(signal_name(sig))
            send(sig)

        process.send_signal = send_signal


class Pump:
    """Copies a pipe into another and tells of each piece.

    Where nobody reads the other any longer, the program learns that too, unless the rest is only to be told of.
    """

    def __init__(self, source: Any, target: int, tell: Callable[[bytes], None]) -> None:
        self._source = source
        self._target = target
        self._tell = tell
        self.tells_only = False

    def run(self) -> None:
        """Until the end of the source."""
        try:
            while data := self._source.read(_AT_ONCE):
                self._tell(data)
                if not self._passed_on(data):
                    return
        except ValueError:  # closed meanwhile
            return
        finally:
            self._source.close()

    def _passed_on(self, data: bytes) -> bool:
        left = memoryview(data)
        while left and not self.tells_only:
            try:
                left = left[os.write(self._target, left) :]
            except BrokenPipeError:
                return self.tells_only
        return True
