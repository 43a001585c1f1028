"""OTLP in files: JSON a line as the Collector's file exporter writes it, whole documents, or a request in protobuf."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from otel_agent_telemetry.otlp._reader import read_any_protobuf, read_document
from otel_agent_telemetry.otlp._reading import MalformedError, Reading
from otel_agent_telemetry.otlp._text import parsed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["Line", "is_gzip", "open_file", "read_line", "read_lines"]

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LARGEST = 512 * 2**20  # of a line, and of a document over many lines
_SPACE = re.compile(r"\s*")
_DAMAGED = (EOFError, OSError, zlib.error)


@dataclass(frozen=True, slots=True)
class Line:
    """What stands at a line of a file, by its number from 1 and its bytes: readings, or why there are none."""

    number: int
    size: int
    readings: list[Reading] = field(default_factory=list[Reading])
    broken: str = ""

    def faults(self) -> Iterator[str]:
        """What a person is told of it."""
        if self.broken:
            yield f"skipped: {self.broken}"
        yield from filter(None, (reading.refusal() for reading in self.readings))


def is_gzip(stream: IO[bytes]) -> bool:
    """Whether what comes next is gzip."""
    return _head(stream) == _GZIP


@contextmanager
def open_file(path: str) -> Generator[IO[bytes]]:
    """The bytes of a file, unpacked where they are gzip; ``-`` is stdin. Raises OSError."""
    if path == "-":
        yield _unpacked(sys.stdin.buffer)
        return
    with open(path, "rb") as raw:
        yield _unpacked(raw)


def read_lines(stream: IO[bytes]) -> Iterator[Line]:
    """Every line, or every document where one goes on over many lines; what cannot be read is named and skipped."""
    number = 0
    try:
        for line in _read(stream):
            number = line.number
            yield line
    except _DAMAGED as error:
        yield Line(number + 1, 0, broken=f"the file is damaged or cut short: {error}")


def read_line(number: int, line: bytes) -> Line:
    """What a line holds."""
    try:
        return Line(number, len(line), read_document(parsed(line.rstrip())))
    except MalformedError as error:
        return Line(number, len(line), broken=str(error))


def _read(stream: IO[bytes]) -> Iterator[Line]:
    if _head(stream) in _UTF16:  # as a shell of Windows writes what a program prints
        stream = io.BytesIO(stream.read(_LARGEST).decode("utf-16", "replace").encode())
    first = stream.readline(_LARGEST)
    try:
        document: object = parsed(first.rstrip()) if first else {}
    except MalformedError as error:
        content = first + stream.read(_LARGEST)
        is_line = len(content) == len(first) and first.strip()
        yield from _whole(content, str(error) if is_line else "")
        yield from _each(stream, content.count(b"\n") + 1)
    else:
        yield _taken(1, len(first), document)
        yield from _each(stream, 2)


def _whole(content: bytes, broken: str) -> Iterator[Line]:
    """One request in protobuf, one document, or documents one after the other; not a line that is ``broken``."""
    request = read_any_protobuf(content)
    if request is not None:
        yield Line(1, len(content), [request])
    elif broken:
        yield Line(1, len(content), broken=broken)
    else:
        yield from _documents(content)


def _documents(content: bytes) -> Iterator[Line]:
    try:
        document = parsed(content)
    except MalformedError:
        yield from _one_after_the_other(content.decode("utf-8-sig", "replace"))
    else:
        yield _taken(1, len(content), document)


def _one_after_the_other(text: str) -> Iterator[Line]:
    """Documents over many lines each; from the first that cannot be read on, each line is one."""
    decoder, at, number = json.JSONDecoder(), 0, 1
    while at < len(text):
        begins = cast("re.Match[str]", _SPACE.match(text, at)).end()
        number += text.count("\n", at, begins)
        try:
            document, at = decoder.raw_decode(text, begins)
        except (ValueError, RecursionError):
            yield from _each(io.BytesIO(text[begins:].encode()), number)
            return
        yield _taken(number, at - begins, document)
        number += text.count("\n", begins, at)


def _each(stream: IO[bytes], number: int) -> Iterator[Line]:
    while line := stream.readline(_LARGEST):
        if line.strip():
            yield read_line(number, line)
        number += 1


def _taken(number: int, size: int, document: object) -> Line:
    try:
        return Line(number, size, read_document(document))
    except MalformedError as error:
        return Line(number, size, broken=str(error))


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_gzip(raw) else raw


def _head(stream: IO[bytes]) -> bytes:
    """The first two bytes, which stay to be read."""
    peek = getattr(stream, "peek", None)
    if peek is not None:
        return peek(2)[:2]
    head = stream.read(2)
    stream.seek(0)
    return head
