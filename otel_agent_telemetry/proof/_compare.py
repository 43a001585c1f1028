"""Two runs of a program compared: what telemetry changed, and whether that is declared."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DECLARED", "Compared", "compare"]

_OURS = r".*\b(otel_agent|opentelemetry)\w*\b.*"
_BY_IMPORT = frozenset({"exit handlers", "logging", "warnings filters"})
"""What a module may add when it is imported; so it is declared where telemetry is who imported it."""

DECLARED: dict[str, tuple[tuple[str, str], ...]] = {
    "threads": (
        (r"agent-telemetry.*", "threads of ours bear our name"),
        (r"Otel\w+", "the OpenTelemetry SDK's threads for the operator's exporters"),
    ),
    "exit handlers": ((_OURS, "events go into the ledger, and spans to the collector, at the end"),),
    "descriptors": (
        (r"<state>.*", "the ledger"),
        (r"socket|anon_inode.*", "connections to the operator's collector"),
    ),
    "environment": (
        (r"PYTHONPATH=.*", "`run` puts OpenTelemetry's hook there, so that Python processes instrument themselves"),
        (r"OTEL_PYTHON_(DISTRO|CONFIGURATOR)=.*", "`run` names our distro"),
        (r"OTEL_INSTRUMENTATION_A2A_SDK_ENABLED=false", "our A2A module stands for the spans of A2A's own"),
    ),
    "logging": ((_OURS, "levels and filters of their own loggers"),),
    "warnings filters": ((_OURS, "OpenTelemetry silences a warning of its own"),),
    "modules": ((r".*", "telemetry imports what it needs, and each library whose instrumentation is installed"),),
    "import system": (
        (r"path .*auto_instrumentation", "OpenTelemetry's hook"),
        (r"finder wrapt\..*", "modules of frameworks are instrumented once the program imports them"),
    ),
    "callables": (
        (r".*(otel_agent|opentelemetry|openinference|wrapt).*", "instrumented"),
        (r"typing\._\w+: .*typing_extensions.*", "typing_extensions, which OpenTelemetry needs, mends typing"),
    ),
    "files": (
        (r"<state>.*", "the state directory"),
        (r".*__pycache__.*", "Python's own cache of compiled modules"),
    ),
}
"""What may change, each thing with patterns for it in full and the reason. All else must be as without telemetry."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing: ``verdict`` is ``same``, ``declared``, ``varies`` or ``changed``.

    ``declared`` holds what changed as it may, ``changed`` what did not; ``varies`` is what two runs without telemetry
    do not agree on either.
    """

    what: str
    verdict: str
    declared: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])


def compare(without: Mapping[str, Any], given: Mapping[str, Any], again: Mapping[str, Any] | None) -> list[Compared]:
    """Each thing of the run without telemetry and the run with it; ``again`` is another run without."""
    imported = frozenset(given["modules"]) - frozenset(without["modules"])
    return [_compared(what, without[what], given[what], again and again[what], imported) for what in without]


def _compared(what: str, without: Any, given: Any, again: Any, imported: frozenset[str]) -> Compared:
    changes = _changes(without, given)
    declared = [each for each in changes if _is_declared(what, each, imported)]
    changed = [each for each in changes if each not in declared]
    if not changed:
        return Compared(what, "declared" if declared else "same", declared)
    if again is not None and any(not _is_declared(what, each, imported) for each in _changes(without, again)):
        return Compared(what, "varies", declared, changed)
    return Compared(what, "changed", declared, changed)


def _changes(without: Any, given: Any) -> list[str]:
    """What is there in one of the two alone, ``+`` with telemetry and ``-`` without; an order that differs."""
    if isinstance(without, dict):
        without = cast("dict[str, str]", without)
        shared = [name for name in without if name in given and without[name] != given[name]]
        return [f"{name}: {without[name]} -> {given[name]}" for name in shared]
    if not isinstance(without, list):
        return [] if without == given else [f"{without} -> {given}"]
    return _changed_lines(cast("list[str]", without), cast("list[str]", given))


def _changed_lines(without: list[str], given: list[str]) -> list[str]:
    plus, minus = Counter(given) - Counter(without), Counter(without) - Counter(given)
    changes = [f"+ {each}" for each in plus.elements()] + [f"- {each}" for each in minus.elements()]
    kept = [each for each in given if each in Counter(without)]
    order = [each for each in without if each in Counter(given)]
    if not minus and kept != order and Counter(kept) == Counter(order):
        changes.append("in another order")
    return changes


def _is_declared(what: str, change: str, imported: frozenset[str]) -> bool:
    if change.startswith("- ") and what != "environment":  # nothing of the host's may be missing
        return False
    text = change[2:] if change[:2] in {"+ ", "- "} else change
    if what in _BY_IMPORT and any(name in imported for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", text)):
        return True
    return any(re.fullmatch(pattern, text, re.DOTALL) for pattern, _ in DECLARED.get(what, ()))
