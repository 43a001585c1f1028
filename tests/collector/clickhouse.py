"""ClickHouse's engine (chdb) behind as much of ClickHouse's HTTP interface as the Collector's exporter speaks."""

from __future__ import annotations

import importlib
import json
import struct
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

try:
    Session: Any = importlib.import_module("chdb.session").Session  # no types, and 200 MB: not in every environment
except ImportError:
    absent("clickhouse", "pip install chdb")


def _text(value: str) -> bytes:
    data = value.encode()
    return bytes([len(data)]) + data  # a length below 128 is one byte


# The answer to the greeting, as a block of the native protocol: server revision 0, so that all other answers are plain.
_GREETING = b"".join(
    (
        b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01",
        *(_text(name) + _text("String") + b"\x00" + _text(value) for name, value in (("n", "chdb"), ("v", "26.9.2.1"))),
        _text("r") + _text("UInt32") + b"\x00" + struct.pack("<I", 0),
        _text("t") + _text("String") + b"\x00" + _text("UTC"),
    )
)


class ClickHouse:
    """Context manager around the engine and the server; ``endpoint`` is what the exporter is given."""

    def __init__(self) -> None:
        self._session = Session()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}?compress=none"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._session.close()

    def run(self, script: Path) -> list[dict[str, Any]]:
        """Run a file of statements; the rows of the last one."""
        code = "\n".join(line for line in script.read_text("utf-8").splitlines() if not line.startswith("--"))
        rows: list[dict[str, Any]] = []
        for statement in filter(None, (part.strip() for part in code.split(";"))):
            rows = self.rows(statement)
        return rows

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """What a statement gives."""
        return [json.loads(line) for line in self.raw(statement, "JSONEachRow").decode().splitlines()]

    def raw(self, statement: str, form: str = "Native") -> bytes:
        """What a statement gives, in one of ClickHouse's formats."""
        with self._lock:
            return self._session.query(statement, form).bytes()

    def answer(self, query: str, body: bytes) -> bytes:
        """The answer to a request of the exporter: its greeting, a question, or rows to insert."""
        if "displayName()" in query or b"displayName()" in body:
            return _GREETING
        if not query:
            return self.raw(body.decode())
        with tempfile.NamedTemporaryFile() as rows:
            rows.write(body)
            rows.flush()
            into = query.partition(" FORMAT ")[0].partition(" VALUES")[0]
            return self.raw(f"{into} FROM INFILE '{rows.name}' FORMAT Native")


def _handler(engine: ClickHouse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
            try:
                status, answer = 200, engine.answer(query, body)
            except RuntimeError as error:
                status, answer = 500, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks: list[bytes] = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    return Handler
