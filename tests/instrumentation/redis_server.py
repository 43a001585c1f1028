"""A real Redis server of a test's own."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from tests.network import reserved_port
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class RedisServer:
    """Context manager around a server on loopback that keeps nothing; ``url`` is what clients take."""

    def __init__(self, folder: Path) -> None:
        self._program = shutil.which("redis-server") or absent("redis", "apt-get install redis-server")
        self._folder = folder
        self._port = reserved_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder))
        log = self._folder / "redis.log"
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                [self._program, "--port", str(self._port), *options], stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 10
        while b"Ready to accept connections" not in log.read_bytes():
            assert self._server.poll() is None, log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)
