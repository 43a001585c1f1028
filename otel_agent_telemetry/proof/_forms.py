"""The bytes that a text becomes: what to look for where somebody encoded, escaped, cut or hashed it."""

from __future__ import annotations

import base64
import codecs
import hashlib
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["forms"]

_SHORTEST_NEEDLE = 4
_PART, _LONG = 16, 24
_HASHES = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b")
_DIGEST_BYTES = 8  # 64 bits, so that a hash that was cut is found as well, and none by chance


def forms(text: str) -> dict[bytes, str]:
    """What to look for -> the name of that form, the plainest first."""
    found: dict[bytes, str] = {}
    for name, needle in (*_spelled(text), *_encoded(text), *_hashed(text), *_parts(text)):
        if len(needle) >= _SHORTEST_NEEDLE:
            found.setdefault(needle, name)
    return found


def _spelled(text: str) -> Iterator[tuple[str, bytes]]:
    raw = _utf8(text)
    yield "as it is", raw
    for other in (text.lower(), text.upper(), text.title()):
        yield "in another case", _utf8(other)
    yield "JSON escapes", _utf8(json.dumps(text)[1:-1])
    for spelling in ("\\u%04x", "\\u%04X"):
        yield "JSON escapes", b"".join((spelling % unit).encode() for unit in _units(text))
    yield "URL", quote(raw, safe="").encode()
    yield "URL", quote(raw).encode()
    yield "URL", quote_plus(raw).encode()
    for spelling in ("%%%02x", "%%%02X"):
        yield "URL", b"".join((spelling % byte).encode() for byte in raw)
    yield "HTML", html.escape(text).encode("utf-8", "surrogatepass")
    yield "reversed", _utf8(text[::-1])
    yield "rot13", _utf8(codecs.encode(text, "rot13"))


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    raw = _utf8(text)
    for number in raw.hex(), raw.hex().upper(), raw.hex(":"), raw.hex("-"), raw.hex(" "):
        yield "hex", number.encode()
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "latin-1"):
        try:
            yield encoding.partition("-le")[0].partition("-be")[0].upper(), text.encode(encoding)
        except UnicodeEncodeError:
            continue
    for data in (raw, text.encode("utf-16-le", "surrogatepass")):
        for offset in range(3):
            yield "base64", _base64(data, offset)
            yield "base64", _base64(data, offset).translate(bytes.maketrans(b"+/", b"-_"))
    yield "base32", base64.b32encode(raw).rstrip(b"=")


def _base64(data: bytes, offset: int) -> bytes:
    """What is sure of the encoding where the data stands so many bytes behind a multiple of three."""
    encoded = base64.b64encode(b"\0" * offset + data).rstrip(b"=")
    end = len(encoded) - ((offset + len(data)) % 3 != 0)  # the last character depends on what follows
    return encoded[(0, 2, 3)[offset] : end]


def _hashed(text: str) -> Iterator[tuple[str, bytes]]:
    for data in {_utf8(text), _utf8(text.lower()), _utf8(text) + b"\n"}:
        for name in _HASHES:
            digest = hashlib.new(name, data, usedforsecurity=False).digest()
            start = digest[:_DIGEST_BYTES]
            yield name, start
            yield name, start.hex().encode()
            yield name, start.hex().upper().encode()
            encoded = base64.b64encode(digest[:9])
            yield name, encoded
            yield name, encoded.translate(bytes.maketrans(b"+/", b"-_"))
        eight = hashlib.blake2b(data, digest_size=8).hexdigest().encode()  # as a reference would be without its key
        yield "blake2b", eight


def _parts(text: str) -> Iterator[tuple[str, bytes]]:
    if len(text) >= _LONG:
        yield f"its first {_PART} characters", _utf8(text[:_PART])
        yield f"its last {_PART} characters", _utf8(text[-_PART:])


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
