"""The local server, for real: on a loopback port, over a store in a file, with the keeper at work."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from otel_agent_telemetry.local import Keeper, Limits, Server, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from otel_agent_telemetry.local import Budget, Outbox

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Serving:
    """Context manager around a running server."""

    def __init__(
        self,
        path: Path,
        *,
        token: str | None = None,
        outbox: Outbox | None = None,
        budgets: Sequence[Budget] = (),
        request_seconds: float = 30,
        slow_seconds: float = 2,
    ) -> None:
        self.path = path
        self.store = Store(path)
        self._server = Server(
            self.store,
            port=0,
            token=token,
            outbox=outbox,
            budgets=budgets,
            request_seconds=request_seconds,
            slow_seconds=slow_seconds,
        )
        self.url = self._server.url
        self.address = urlsplit(self.url).netloc
        self.place = ("127.0.0.1", int(self.address.rpartition(":")[2]))
        self._keeper = Keeper(self.store, Limits())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._keeper.end()
        self.store.close()

    def end_keeper(self) -> None:
        """From now on nobody writes who is not asked to."""
        self._keeper.end()

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request over a connection of its own."""
        return _send(self.address, method, path, body, headers or {})

    def post(self, path: str, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Reply:
        """POST a body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", path, body, {"Content-Type": content_type, **named})

    def get(self, path: str) -> Any:
        """The JSON at ``path``."""
        reply = self.send("GET", path)
        assert reply.status == 200, reply.body
        return reply.json()

    def settled(self) -> None:
        """Wait until the keeper has worked out every trace's totals."""
        wait_until(lambda: not self.count("traces WHERE unsettled"), "the traces to be settled")

    def count(self, table: str) -> int:
        """How many rows a table has."""
        connection = self.store.reader()
        try:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        finally:
            connection.close()


def wait_until(is_true: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Returns once ``is_true()`` is; fails with what was awaited when the time is over."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def post(url: str, body: bytes) -> Reply:
    """POST traces in protobuf to a server of another process."""
    return _send(urlsplit(url).netloc, "POST", "/v1/traces", body, {"Content-Type": PROTOBUF})


def _send(address: str, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
    connection = HTTPConnection(address, timeout=40)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
