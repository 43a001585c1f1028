"""What is inside bytes: decompressed, and decoded where a long run of base64 or hex holds something compressed."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["layers"]

_DEEPEST = 3
_LARGEST = 64 * 1024 * 1024
_RUNS = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}|(?:[0-9a-fA-F]{2}){24,}")
# gzip, and the four first pairs of bytes that zlib writes
_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")


def layers(data: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """The bytes as they are, under the name ``""``, then what is packed in them, each under the way to it."""
    yield "", data
    if depth >= _DEEPEST:
        return
    for start in (match.start() for match in _COMPRESSED.finditer(data)):
        inner = _unpacked(data[start:])
        if inner:
            yield from ((f"decompressed {way}".strip(), found) for way, found in layers(inner, depth + 1))
    for run in _RUNS.findall(data):
        for name, decoded in _decoded(run):
            if _COMPRESSED.match(decoded):
                below = layers(decoded, depth + 1)
                yield from ((f"{name} {way}".strip(), found) for way, found in below if way)


def _unpacked(data: bytes) -> bytes:
    packed = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
    try:
        return packed.decompress(data, _LARGEST)
    except zlib.error:
        return b""


def _decoded(run: bytes) -> Iterator[tuple[str, bytes]]:
    bare = run.rstrip(b"=")
    with suppress(binascii.Error):
        yield "hex", binascii.unhexlify(bare)
    with suppress(binascii.Error):
        padded = bare.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(bare) % 4)
        yield "base64", base64.b64decode(padded)
