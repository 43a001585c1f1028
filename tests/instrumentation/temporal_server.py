"""A real Temporal server of a test's own: the one that Temporal's SDKs test with."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from tests.instrumentation.fetch_temporal import jars
from tests.instrumentation.program import takes_connections
from tests.network import reserved_port
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class TemporalServer:
    """Context manager around a server on loopback that keeps everything in memory; ``address`` is what clients take."""

    def __init__(self, folder: Path) -> None:
        self._java = shutil.which("java") or absent("java", "apt-get install openjdk-17-jre-headless")
        self._jars = jars()
        self._log = folder / "temporal.log"
        self._port = reserved_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        command = (self._java, "-Xmx256m", "-cp", f"{self._jars}/*", "io.temporal.testserver.TestServer")
        with self._log.open("wb") as output:
            self._server = subprocess.Popen([*command, str(self._port)], stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 30
        while not takes_connections(self._port):
            assert self._server.poll() is None, self._log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, self._log.read_text("utf-8", "replace")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)
