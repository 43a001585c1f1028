"""A real Redis server of a test's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.instrumentation.own_server import OwnServer
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path


class RedisServer(OwnServer):
    """It keeps nothing; ``url`` is what clients take."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._program = shutil.which("redis-server") or absent("redis", "apt-get install redis-server")
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Redis, which keeps nothing on disk."""
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder))
        return [self._program, "--port", str(self.port), *options]
