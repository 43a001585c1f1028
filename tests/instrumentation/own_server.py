"""A real server of a test's own, on a port of loopback that it is told."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from tests.instrumentation.program import takes_connections
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class OwnServer:
    """Context manager around a program that ``command`` makes for its port: it runs until the end of the block."""

    def __init__(self, folder: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = environ
        self._log = folder / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self.port = reserved_port()

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        with self._log.open("wb") as output:
            self._server = subprocess.Popen(
                self.command(), env=self._environ, cwd=self._folder, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 30
        while not takes_connections(self.port):
            assert self._server.poll() is None, self._log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, self._log.read_text("utf-8", "replace")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)
