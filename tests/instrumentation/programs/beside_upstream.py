# ruff: noqa: T201 - it prints for its test
"""``python -m beside_upstream MODULE UPSTREAM EXPRESSION...``: ours and another instrumentation, in either order.

Prints, as JSON, which expressions give another object once both are on, and what holds as one after the other goes.
"""

from __future__ import annotations

import importlib
import json
import sys

from hooked import instrumentor, values


def main(name: str, upstream: str, *expressions: str) -> None:
    """Do it."""
    module, _, kind = upstream.partition(":")
    ours, other = instrumentor(name), getattr(importlib.import_module(module), kind)()

    def now() -> list[int]:
        return [*map(id, values([*expressions]))]

    plain = values([*expressions])
    other.instrument()
    alone = values([*expressions])
    ours.instrument()
    both = [found != id(before) for found, before in zip(now(), alone, strict=True)]
    ours.uninstrument()
    is_alone = now() == [*map(id, alone)]
    other.uninstrument()
    ours.instrument()
    other.instrument()
    ours_first = any(found != id(before) for found, before in zip(now(), plain, strict=True))
    other.uninstrument()
    ours.uninstrument()
    is_plain = now() == [*map(id, plain)]
    print(json.dumps({"both": both, "the other alone": is_alone, "both, ours first": ours_first, "none": is_plain}))


main(*sys.argv[1:])
