"""A request's body: plain or chunked, gzip or not, never larger than it may be."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["LARGEST_BODY", "LARGEST_UNPACKED", "RefusalError", "read_body"]

LARGEST_BODY = 20 * 2**20
LARGEST_UNPACKED = 64 * 2**20
_LONGEST_LINE = 1024
_LONGEST_SIZE = 8  # hex digits


class RefusalError(Exception):
    """A request that is answered with ``status`` and ``message``; ``retry_after`` seconds where it may come again."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def read_body(stream: BinaryIO, headers: Message) -> bytes:
    """The body as its sender wrote it, unpacked. Raises RefusalError (400, 411, 413, 415)."""
    packing = (headers.get("Content-Encoding") or "identity").strip().lower()
    if packing not in {"identity", "gzip"}:
        raise RefusalError(415, f"Content-Encoding {packing[:40]!r} is not understood; send gzip or none")
    body = _read(stream, headers)
    return _unpack(body) if packing == "gzip" else body


def _read(stream: BinaryIO, headers: Message) -> bytes:
    coding = (headers.get("Transfer-Encoding") or "").strip().lower()
    lengths = headers.get_all("Content-Length") or []
    if coding:
        # a length beside a transfer coding is how requests are smuggled (RFC 9112, 6.1)
        if coding != "chunked" or lengths:
            raise RefusalError(400, f"Transfer-Encoding {coding[:40]!r} cannot be read; send chunked alone or a length")
        return _read_chunked(stream)
    if not lengths:
        raise RefusalError(411, "a Content-Length is needed")
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise RefusalError(400, f"Content-Length {lengths[0][:40]!r} is not a number of bytes")
    return _read_exactly(stream, _allowed(int(lengths[0][:20])))


def _read_chunked(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _chunk_size(stream):
        _allowed(len(body) + size)
        body += _read_exactly(stream, size)
        if stream.readline(_LONGEST_LINE) not in {b"\r\n", b"\n"}:
            raise RefusalError(400, "a chunk of the body is longer than it says")
    while (line := stream.readline(_LONGEST_LINE)) not in {b"\r\n", b"\n"}:
        if not line:
            raise RefusalError(400, "the body ends before its last chunk")
    return bytes(body)


def _chunk_size(stream: BinaryIO) -> int:
    line = stream.readline(_LONGEST_LINE)
    digits = line.split(b";")[0].strip()
    if not digits or len(digits) > _LONGEST_SIZE or digits.strip(b"0123456789abcdefABCDEF"):
        raise RefusalError(400, "a chunk of the body has no size")
    return int(digits, 16)


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    body = stream.read(length)
    if len(body) < length:
        raise RefusalError(400, f"the body ends after {len(body)} of {length} bytes")
    return body


def _allowed(length: int) -> int:
    if length > LARGEST_BODY:
        raise RefusalError(413, f"the body is larger than {LARGEST_BODY} bytes; send smaller batches")
    return length


def _unpack(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, LARGEST_UNPACKED + 1)
    except zlib.error as error:
        raise RefusalError(400, f"the body is not gzip: {error}") from error
    if len(unpacked) > LARGEST_UNPACKED:
        raise RefusalError(413, f"the body unpacks to more than {LARGEST_UNPACKED} bytes; send smaller batches")
    if not unpacker.eof or unpacker.unused_data:
        raise RefusalError(400, "the gzip body is cut short or something follows it")
    return unpacked
