"""A request's body: plain or chunked, gzip or not, never larger than it may be."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

from otel_agent_telemetry.local.receive._refusal import RefusalError

if TYPE_CHECKING:
    from email.message import Message

    from otel_agent_telemetry.local.receive._room import Held

__all__ = ["LARGEST_BODY", "LARGEST_UNPACKED", "read_body"]

LARGEST_BODY = 20 * 2**20
LARGEST_UNPACKED = 64 * 2**20
_PART = 2**20
_PATIENCE_SECONDS = 5.0
_LONGEST_LINE = 1024
_LONGEST_SIZE = 8  # hex digits


def read_body(stream: BinaryIO, headers: Message, held: Held) -> bytes:
    """The body as its sender wrote it, unpacked, its bytes taken from the room. Raises RefusalError (4xx, 503)."""
    packing = (headers.get("Content-Encoding") or "identity").strip().lower()
    if packing not in {"identity", "gzip"}:
        raise RefusalError(415, f"Content-Encoding {packing[:40]!r} is not understood; send gzip or none")
    body = _read(stream, headers, held)
    if packing == "gzip":
        held.grow(_unpacked_size(body), patience_seconds=_PATIENCE_SECONDS)
        body = _unpack(body)
    return body


def _read(stream: BinaryIO, headers: Message, held: Held) -> bytes:
    coding = (headers.get("Transfer-Encoding") or "").strip().lower()
    lengths = headers.get_all("Content-Length") or []
    if coding:
        # a length beside a transfer coding is how requests are smuggled (RFC 9112, 6.1)
        if coding != "chunked" or lengths:
            raise RefusalError(400, f"Transfer-Encoding {coding[:40]!r} cannot be read; send chunked alone or a length")
        return _read_chunked(stream, held)
    if not lengths:
        raise RefusalError(411, "a Content-Length is needed")
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise RefusalError(400, f"Content-Length {lengths[0][:40]!r} is not a number of bytes")
    return _read_exactly(stream, _allowed(int(lengths[0][:20])), held)


def _read_chunked(stream: BinaryIO, held: Held) -> bytes:
    body = bytearray()
    while size := _chunk_size(stream):
        _allowed(len(body) + size)
        body += _read_exactly(stream, size, held)
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


def _read_exactly(stream: BinaryIO, length: int, held: Held) -> bytes:
    """Taken from the room as it arrives: what is announced and never sent takes up nothing."""
    body = bytearray()
    while len(body) < length:
        part = stream.read(min(_PART, length - len(body)))
        if not part:
            raise RefusalError(400, f"the body ends after {len(body)} of {length} bytes")
        held.grow(len(part))
        body += part
    return bytes(body)


def _allowed(length: int) -> int:
    if length > LARGEST_BODY:
        raise RefusalError(413, f"the body is larger than {LARGEST_BODY} bytes; send smaller batches")
    return length


def _unpacked_size(body: bytes) -> int:
    """How large it will be, found out without keeping it: a small body can unpack to a thousand times its size."""
    unpacker, size, rest = zlib.decompressobj(wbits=31), 0, body
    try:
        while rest and size <= LARGEST_UNPACKED:
            size += len(unpacker.decompress(rest, _PART))
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise RefusalError(400, f"the body is not gzip: {error}") from error
    if size > LARGEST_UNPACKED:
        raise RefusalError(413, f"the body unpacks to more than {LARGEST_UNPACKED} bytes; send smaller batches")
    return size


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
