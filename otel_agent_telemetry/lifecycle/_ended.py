"""Contexts whose run ended while another one was current, and what was current before them."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

__all__ = ["note", "still_open"]

# By identity, as contexts are dictionaries and equal ones are many; an entry goes with its context.
_before: dict[int, tuple[weakref.ref[Context], Context]] = {}


def note(context: Context, previous: Context) -> None:
    """Its run ended: wherever it is still current, ``previous`` is meant."""
    key = id(context)
    _before[key] = (weakref.ref(context, lambda _: _before.pop(key, None) and None), previous)


def still_open(context: Context) -> Context:
    """The context, or where its run ended while another one was current, the one that was there before it."""
    while (found := _before.get(id(context))) is not None and found[0]() is context:
        context = found[1]
    return context
