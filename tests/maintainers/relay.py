"""A way to a proxy that holds an answer back in its middle, as a slow book would."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_SECONDS = 20.0


class Relay:
    """Context manager: at :attr:`url`, answers come up to the bytes ``until``, and the rest after :meth:`go_on`."""

    def __init__(self, url: str, until: bytes) -> None:
        self._proxy = urlsplit(url).hostname or "", urlsplit(url).port or 0
        self._until = until
        self._may_go_on = threading.Event()
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                relay._answer(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._may_go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_SECONDS)

    def go_on(self) -> None:
        """Let the rest through."""
        self._may_go_on.set()

    def _answer(self, client: socket.socket) -> None:
        request = client.recv(65536)
        if not request:
            return
        answer = self._whole_answer(request)
        at = answer.index(self._until) + len(self._until)
        client.sendall(answer[:at])
        assert self._may_go_on.wait(_SECONDS)
        client.sendall(answer[at:])

    def _whole_answer(self, request: bytes) -> bytes:
        once = request.replace(b"Connection: keep-alive", b"Connection: close")
        with socket.create_connection(self._proxy, timeout=_SECONDS) as proxy:
            proxy.sendall(once)
            return b"".join(iter(lambda: proxy.recv(65536), b""))
