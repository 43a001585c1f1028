"""What stands around a captured client: the server that it sends to, and the config table of its service."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import SQLStore, StoreError
from tests.goldens.agent_swarm import fails
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from tests.recorder import Request


PATHS = {"agent-swarm": "/v1/events", "docker-agent": "/events/v1/track"}
"""Where each client sends to, on its host."""


def never_answers(server: Mapping[str, Any]) -> bool:
    """Whether what is sent there has to be tried again later."""
    return bool(server.keys() & {"hang_s", "refused", "reset"}) or server.get("status") in {408, 429} or _broken(server)


def _broken(server: Mapping[str, Any]) -> bool:
    return server.get("status", 200) >= 500


class CapturedServer:
    """The recorder, answering as the case's server did."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        self._server = server
        self._release = threading.Event()
        headers: tuple[tuple[str, str], ...] = ()
        if "location" in server:
            headers = (("Location", "http://localhost:9/redirected"),)
        if "retry_after" in server:
            headers = (("Retry-After", str(server["retry_after"])),)
        waits = self._release if server.keys() & {"hang_s", "delay_s"} else None
        answer = Answer(server.get("status", 200), headers, after=waits, resets=bool(server.get("reset")))
        self._recorder = Recorder(default=answer)

    def endpoint(self, path: str) -> str:
        """Where to send; nobody listens on the port of a server that refuses."""
        return ("http://127.0.0.1:9" if self._server.get("refused") else self._recorder.url) + path

    @property
    def requests(self) -> list[Request]:
        """What has arrived."""
        return self._recorder.requests

    def __enter__(self) -> Self:
        self._recorder.__enter__()
        if "delay_s" in self._server:
            threading.Timer(0.2, self._release.set).start()  # late, as far as our delivery can tell
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._recorder.__exit__(kind, error, traceback)


class CapturedConfig:
    """The service's config table, failing for the keys for which the captured setup failed."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self.mint = bool(setup.get("options", {}).get("generateIfMissing"))
        self._setup = setup
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute("CREATE TABLE swarm_config (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        config: dict[str, str] = setup.get("config") or {}
        self._connection.executemany("INSERT INTO swarm_config VALUES (?, ?)", config.items())
        self._connection.commit()
        self._store = SQLStore(self._connection, mint=self.mint)

    def get(self, key: str) -> str | None:
        """The row."""
        if fails(self._setup.get("failRead"), key):
            raise StoreError("the config cannot be read")
        return self._store.get(key)

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """The row, set where it may be."""
        if fails(self._setup.get("failWrite"), key) or fails(self._setup.get("failRead"), key):
            raise StoreError(f"the config cannot be written: {key}")
        return self._store.put_if_absent(key, value, replacing=replacing)

    def rows(self) -> dict[str, str]:
        """The table afterwards."""
        return dict(self._connection.execute("SELECT key, value FROM swarm_config").fetchall())
