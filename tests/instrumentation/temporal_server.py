"""A real Temporal server of a test's own: the one that Temporal's SDKs test with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.instrumentation.fetch_temporal import jars
from tests.instrumentation.own_server import OwnServer
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path


class TemporalServer(OwnServer):
    """It keeps everything in memory; ``address`` is what clients take."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._java = shutil.which("java") or absent("java", "apt-get install openjdk-17-jre-headless")
        self._jars = jars()
        self.address = f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Temporal's own test server."""
        return [self._java, "-Xmx256m", "-cp", f"{self._jars}/*", "io.temporal.testserver.TestServer", str(self.port)]
