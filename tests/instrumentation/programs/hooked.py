# ruff: noqa: T201 - it prints for its test
"""``python -m hooked MODULE EXPRESSION...``: instruments, uninstruments and does both again.

Prints, as JSON, whether what the expressions give was another object while instrumented and the very same after, twice.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

import otel_agent_instrumentation

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import FrameworkInstrumentor


def instrumentor(name: str) -> FrameworkInstrumentor:
    """The instrumentor that a module of ours holds."""
    modules = pkgutil.walk_packages(otel_agent_instrumentation.__path__, "otel_agent_instrumentation.")
    found = next(module.name for module in modules if module.name.endswith(f".{name}"))
    module = importlib.import_module(found)
    return getattr(module, module.__all__[0])()


def values(expressions: list[str]) -> list[Any]:
    """What the expressions give; lists are copied."""
    found: list[Any] = []
    for expression in expressions:
        module, _, rest = expression.partition(":")
        value: Any = eval(rest, dict(vars(importlib.import_module(module))))  # noqa: S307 - written in the test
        found.append((*value,) if isinstance(value, list) else value)
    return found


def main(name: str, *expressions: str) -> None:
    """Do it."""
    ours, plain = instrumentor(name), values([*expressions])
    results: list[bool] = []
    for _ in range(2):
        ours.instrument()
        results.append(all(one is not other for one, other in zip(plain, values([*expressions]), strict=True)))
        ours.uninstrument()
        after = zip(plain, values([*expressions]), strict=True)
        results.append(all(one is other or (isinstance(one, tuple) and one == other) for one, other in after))
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
