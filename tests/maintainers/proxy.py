"""``agent-telemetry proxy`` as a process, and requests to it."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

COMMAND = (sys.executable, "-m", "otel_agent_telemetry")


class Proxy:
    """Context manager around the process; SIGTERM ends it."""

    def __init__(self, db: Path, *options: str) -> None:
        self.db = db
        self._command = [*COMMAND, "proxy", "--port", "0", "--db", str(db), *options]

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        self.url = found[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(signal.SIGTERM)

    def end(self, number: int) -> int:
        """End the process by a signal; gives its exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return self.process.returncode

    def post(self, body: bytes, path: str = "/v1/events", **headers: str) -> tuple[int, Any]:
        """The status and the JSON, or text, of the answer to one POST."""
        return self.ask("POST", path, body, {"Content-Type": "application/json", **_spelt(headers)})

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status and the JSON, or text, of an answer."""
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=20)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            return read(connection.getresponse())

    def rows(self, sql: str) -> list[Any]:
        """What is in the book."""
        with closing(sqlite3.connect(self.db)) as connection:
            return connection.execute(sql).fetchall()


def read(answer: HTTPResponse) -> tuple[int, Any]:
    """The status and the JSON, or text, of an answer."""
    body = answer.read()
    return answer.status, json.loads(body) if answer.headers.get_content_subtype() == "json" else body.decode()


def _spelt(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
