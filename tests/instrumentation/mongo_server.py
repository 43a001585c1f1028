"""A real server of MongoDB's protocol of a test's own."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from tests.instrumentation.fetch_ferretdb import ferretdb
from tests.instrumentation.program import takes_connections
from tests.network import reserved_port

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class MongoServer:
    """Context manager around a server on loopback that keeps its data in a folder; ``url`` is what clients take."""

    def __init__(self, folder: Path) -> None:
        self._program = ferretdb()
        self._folder = folder
        self._log = folder / "ferretdb.log"
        self._port = reserved_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"mongodb://127.0.0.1:{self._port}/"

    def __enter__(self) -> Self:
        kept = ("--handler=sqlite", f"--sqlite-url=file:{self._folder}/", "--state-dir=-")
        quiet = ("--telemetry=disable", "--debug-addr=-", f"--listen-addr=127.0.0.1:{self._port}")
        with self._log.open("wb") as output:
            self._server = subprocess.Popen(
                [self._program, *kept, *quiet], env={}, cwd=self._folder, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 30
        while not takes_connections(self._port):
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
