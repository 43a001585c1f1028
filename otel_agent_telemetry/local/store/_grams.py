"""What the index knows of a span: trigrams of its text, and a token for each of its attributes.

Text is what :func:`has_text` looks through: the span's bytes as UTF-8 in lower case. The index is cut at control
characters and quotes, so that what repeats inside JSON is there once. A token stands for the bytes of a whole
attribute; longer ones than :data:`LONGEST_ATTRIBUTE` have none.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LONGEST_ATTRIBUTE", "attribute_tokens", "has_text", "pieces_of", "text_of", "token_of", "trigrams_of"]

LONGEST_ATTRIBUTE = 1000
_GRAM = 3
_MOST_GRAMS = 48
_PIECES = re.compile(rb'[^\x00-\x1f\x7f"]{3,}')
_CUTS = re.compile(r'[\x00-\x1f\x7f"]')


def has_text(body: bytes, lowered: str) -> bool:
    """Whether a span's bytes hold the text, whatever the case of its letters."""
    return lowered in body.decode(errors="replace").lower()


def pieces_of(body: bytes) -> list[bytes]:
    """The parts of a span's bytes that can hold a trigram."""
    return _PIECES.findall(body)


def text_of(pieces: Iterable[bytes]) -> str:
    """What is indexed of such parts; each is there once."""
    return "\n".join({piece.decode(errors="replace").lower() for piece in pieces})


def attribute_tokens(body: bytes) -> Iterator[bytes]:
    """The bytes of each attribute of a span that :func:`token_of` takes."""
    for pair in Span.FromString(body).attributes:
        encoded = pair.SerializeToString()
        if len(encoded) <= LONGEST_ATTRIBUTE:
            yield encoded


def token_of(attribute: bytes) -> str:
    """A word of letters and digits for the bytes of an attribute."""
    return blake2b(attribute, digest_size=6).hexdigest()


def trigrams_of(lowered: str) -> list[str]:
    """Trigrams that are in the index wherever the text is; none where all its parts are too short."""
    parts = _CUTS.split(lowered)
    grams = [*dict.fromkeys(part[at : at + _GRAM] for part in parts for at in range(len(part) - _GRAM + 1))]
    return grams[:: max(1, len(grams) // _MOST_GRAMS)]
