"""The two streams of a command: where they cannot take a character, they get one that is like it."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import TextIO

import click

__all__ = ["echo_json", "leave", "ready"]

_LIKE = str.maketrans(
    "│├└─┌┐┘…·×↻✗→–—‘’“”≥≤▁▂▃▄▅▆▇█",  # noqa: RUF001 - they are what is replaced
    "||`-,,'~-x*x>--''\"\"><........",
)
_ERRORS = "agent-telemetry-like"
_ASCII = "agent-telemetry-ascii"
_PIPE_CLOSED = 141
"""What a shell says of a program that SIGPIPE ended, as it ends those that write to `head`."""


def ready() -> None:
    """Let both streams take any text, whatever their encoding."""
    codecs.register_error(_ERRORS, _like)
    codecs.register(_find)
    for stream in (sys.stdout, sys.stderr):
        encoding = _encoding(_named(stream))
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors=_ERRORS)


def leave(context: click.Context) -> None:
    """End after the reader of our output has gone: no word of it, and nothing more is written."""
    with suppress(OSError, ValueError):
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, sys.stdout.fileno())
        os.close(silent)
    context.exit(_PIPE_CLOSED)


def echo_json(text: str) -> None:
    """Print JSON; what the encoding of stdout lacks is escaped, so that every program reads the same."""
    try:
        text.encode(_named(sys.stdout))
    except UnicodeEncodeError:
        text = "".join(char if char.isascii() else _escaped(char) for char in text)
    click.echo(text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", errors="replace")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _like(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end].translate(_LIKE)
    return "".join(char if char.isascii() else "?" for char in found), error.end


def _encoding(name: str) -> str:
    """Of ASCII a codec under another name: click takes a stream of that name for a mistake, and writes UTF-8 to it."""
    return _ASCII if codecs.lookup(name).name == "ascii" else name


def _named(stream: TextIO) -> str:
    return stream.encoding or "ascii"


def _find(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != _ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=_ASCII,
        encode=known.encode,
        decode=known.decode,
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        streamreader=known.streamreader,
        streamwriter=known.streamwriter,
    )
