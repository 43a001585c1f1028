"""A server on loopback that counts what it is sent, or never answers: a process of its own, as cheap as it can be."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Sink"]

EVENT = b"task.created"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Sink:
    """``url`` is where it listens; with ``hangs`` it takes everything and answers nothing."""

    def __init__(self, *, hangs: bool = False) -> None:
        command = [sys.executable, __file__, *(["--hang"] if hangs else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"

    def events(self) -> int:
        """How many it got since it was asked last."""
        with urllib.request.urlopen(f"{self.url}/count") as answer:  # noqa: S310 - on loopback
            return json.load(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()


class _Counting(asyncio.Protocol):
    counted = 0

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while not self._hangs and (request := self._taken()) is not None:
            head, body = request
            answer = ANSWER
            if head.startswith(b"GET /count"):
                text = str(_Counting.counted).encode()
                _Counting.counted = 0
                answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
            else:
                _Counting.counted += (gzip.decompress(body) if b"gzip" in _field(head, b"encoding:") else body).count(
                    EVENT
                )
            self._transport.write(answer)

    def _taken(self) -> tuple[bytes, bytes] | None:
        """The next whole request."""
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._got[:end])
        length = int(_field(head, b"content-length:") or 0)
        if len(self._got) < end + 4 + length:
            return None
        body = bytes(self._got[end + 4 : end + 4 + length])
        del self._got[: end + 4 + length]
        return head, body


def _field(head: bytes, name: bytes) -> bytes:
    found = next((line for line in head.lower().split(b"\r\n") if name in line and not line.startswith(b"accept")), b"")
    return found.partition(b":")[2].strip()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: _Counting(hangs="--hang" in sys.argv), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
