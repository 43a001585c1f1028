"""A real server of MongoDB's protocol of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.instrumentation.fetch_ferretdb import ferretdb
from tests.instrumentation.own_server import OwnServer

if TYPE_CHECKING:
    from pathlib import Path


class MongoServer(OwnServer):
    """It keeps its data in a folder; ``url`` is what clients take."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, environ={})
        self._program = ferretdb()
        self.url = f"mongodb://127.0.0.1:{self.port}/"

    def command(self) -> list[str]:
        """FerretDB over SQLite."""
        kept = ("--handler=sqlite", f"--sqlite-url=file:{self._folder}/", "--state-dir=-")
        quiet = ("--telemetry=disable", "--debug-addr=-", f"--listen-addr=127.0.0.1:{self.port}")
        return [str(self._program), *kept, *quiet]
