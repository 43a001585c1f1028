"""JSON text as people's files and senders have it: strictly where that works, else what can be made of it."""

from __future__ import annotations

import json
import re

from otel_agent_telemetry.otlp._reading import NESTED, MalformedError

__all__ = ["parsed"]

_DEEPEST = 400  # brackets; protobuf follows fewer, so what is cut off below is refused with its record
_TOO_DEEP = 100 * _DEEPEST  # nobody's value, so not worth the time to read on
_LARGEST_DEEP = 2 * 2**20
_LONGEST_WHOLE = 40  # digits
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parsed(body: bytes) -> object:
    """The document that the bytes are. Raises MalformedError where they are no JSON.

    Bytes that are no text become U+FFFD; a number with more digits than any field holds becomes text; what nests deeper
    than any message does is cut off. Whoever reads the record that it stands in finds it wrong, and no other.
    """
    try:
        return json.loads(body)
    except RecursionError:
        return _loads(_cut(body))
    except ValueError:
        return _loads(body.decode("utf-8-sig", "replace"))


def _loads(text: str) -> object:
    try:
        return json.loads(text, parse_int=_whole)
    except json.JSONDecodeError as error:
        msg = f"not JSON: {error.msg} at column {error.colno}"
        raise MalformedError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"not JSON that can be read: {str(error)[:100]}"
        raise MalformedError(msg) from error


def _whole(digits: str) -> object:
    return int(digits) if len(digits) <= _LONGEST_WHOLE else digits


def _cut(body: bytes) -> str:
    """The text with ``null`` for what stands deeper than :data:`_DEEPEST` brackets."""
    if len(body) > _LARGEST_DEEP:
        raise MalformedError(NESTED)
    text = body.decode("utf-8-sig", "replace")
    kept: list[str] = []
    depth = begun = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == _DEEPEST + 1:
                kept.append(text[begun : token.start()] + "null")
            elif depth > _TOO_DEEP:
                raise MalformedError(NESTED)
        elif token[0] in "]}":
            depth -= 1
            if depth == _DEEPEST:
                begun = token.end()
    return "".join(kept) + (text[begun:] if depth <= _DEEPEST else "")
