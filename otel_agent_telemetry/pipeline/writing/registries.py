"""Which names are public: models that everybody can look up, and what the product itself declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from otel_agent_telemetry.meaning._prices import further_models
from otel_agent_telemetry.pipeline.writing._harness_names import AGENTS, TOOLS

__all__ = ["Registries", "public_models"]

_WHERE = re.compile(r"((us|eu|apac|au|jp|ca|us-gov|global)\.)?([a-z0-9_-]+[./])*?")
_AFTER = re.compile(r"([-@]20\d\d-?[01]\d-?[0-3]\d)?(-v\d+(:\d+)?)?(:[a-z0-9._-]+)?")

_LONGEST_NAME = 64  # as the schema of PublicName says
_LONGEST_GIVEN = 128

_SHIPPED = {"agents": AGENTS, "tools": TOOLS}
"""What is public whatever a product declares."""


@dataclass(frozen=True, slots=True)
class Registries:
    """The public names, by registry; a name that is not here becomes ``custom``."""

    models: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()

    def public(self, registry: str, name: str) -> str:
        """The public name that ``name`` is in that registry, or ``custom``."""
        if registry == "models":
            return self._model(name)
        declared: frozenset[str] = getattr(self, registry, frozenset())
        if registry == "commands":
            return _beginning(name, declared)
        return name if name in declared or name in _SHIPPED.get(registry, ()) else "custom"

    def _model(self, name: str) -> str:
        if name == "unknown" or name in self.models:
            return name
        return _public_model(name, public_models())


def _beginning(command: str, declared: frozenset[str]) -> str:
    """The command, or the group that it belongs to, as the product declared it: ``alias list``, ``alias``."""
    while command and command not in declared:
        command = command.rpartition(" ")[0]
    return command or "custom"


@lru_cache(maxsize=1024)
def _public_model(name: str, known: frozenset[str]) -> str:
    """The longest public id that the name is, when region, vendor, date, revision and size are taken off."""
    if name in known:
        return name
    if len(name) > _LONGEST_GIVEN:
        return "custom"
    starts = [0, *(at + 1 for at, sign in enumerate(name) if sign in "./" and _WHERE.fullmatch(name, 0, at + 1))]
    ends = [end for end in range(len(name), 0, -1) if _AFTER.fullmatch(name, end)]
    found = [name[start:end] for start in starts for end in ends if name[start:end] in known]
    return max(found, key=len, default="custom")


def public_models() -> frozenset[str]:
    """Ids of public models: the snapshot that ships, local ones, and those of a newer price list, once that is read."""
    return _all_models(further_models())


@lru_cache(maxsize=2)
def _all_models(further: frozenset[str]) -> frozenset[str]:
    return _shipped_models() | {name for name in further if len(name) <= _LONGEST_NAME}


@cache
def _shipped_models() -> frozenset[str]:
    folder = resources.files("otel_agent_telemetry.pipeline.writing")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in ("models.txt", "local_models.txt")]
    return frozenset(line for text in texts for line in text.splitlines() if line and not line.startswith("#"))
