"""Ids of spans, from random numbers of their own."""

from __future__ import annotations

import os
import random
import weakref

from opentelemetry.sdk.trace.id_generator import IdGenerator

__all__ = ["SystemIds"]


class SystemIds(IdGenerator):
    """The SDK's own generator draws from the host's ``random``.

    A host that seeds it, per request or per worker, would have equal ids, and other random numbers than without us.
    This one is seeded by the operating system, and anew in a forked child.
    """

    def __init__(self) -> None:
        self.seed()
        _all.add(self)

    def seed(self) -> None:
        """Begin with numbers that nobody else has."""
        self._bits = random.Random(os.urandom(32)).getrandbits  # noqa: S311 - ids are no secrets

    def generate_span_id(self) -> int:
        """64 bits, not all of them 0."""
        return self._bits(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """128 bits, not all of them 0."""
        return self._bits(128) or self.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """As W3C Trace Context, level 2, means it."""
        return True


_all: weakref.WeakSet[SystemIds] = weakref.WeakSet()


def _seed_in_child() -> None:
    for ids in list(_all):
        ids.seed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_seed_in_child)
