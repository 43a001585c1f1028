"""Ids of spans from the operating system's randomness."""

from __future__ import annotations

import os

from opentelemetry.sdk.trace.id_generator import IdGenerator

__all__ = ["SystemIds"]


class SystemIds(IdGenerator):
    """The SDK's own generator draws from the host's ``random``.

    A host that seeds it, per request or per worker, would have equal ids, and other random numbers than without us.
    """

    def generate_span_id(self) -> int:
        """64 bits, not all of them 0."""
        return int.from_bytes(os.urandom(8), "big") or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """128 bits, not all of them 0."""
        return int.from_bytes(os.urandom(16), "big") or self.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """As W3C Trace Context, level 2, means it."""
        return True
