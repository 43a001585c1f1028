"""Random numbers of the operator's exporters come from a generator of their own, never from the host's.

Upstream's exporters draw their back-off, and the SDK its exemplars, from the generator that a host may have seeded.
"""

from __future__ import annotations

import random
import sys

__all__ = ["leave_the_hosts_numbers_alone"]

_DRAWING = ("opentelemetry.exporter.", "opentelemetry.sdk.metrics._internal.exemplar")
_own = random.Random()  # noqa: S311 - jitter and samples, as upstream has them


def leave_the_hosts_numbers_alone() -> None:
    """Hand the modules of OpenTelemetry's exporters that are loaded now another generator."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_DRAWING):
            for known, value in list(vars(module).items()):
                if value is random:
                    setattr(module, known, _own)
                elif getattr(value, "__self__", None) is _hosts:
                    setattr(module, known, getattr(_own, value.__name__))


_hosts: object = getattr(random.random, "__self__", None)
