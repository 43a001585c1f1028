"""Which names are public: models that everybody can look up, and what the product itself declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from otel_agent_telemetry.pipeline.writing._harness_names import AGENTS, TOOLS

__all__ = ["Registries", "public_models"]

_WHERE = re.compile(r"((us|eu|apac|au|jp|ca|us-gov|global)\.)?([a-z0-9_-]+[./])*?")
_AFTER = re.compile(r"([-@]20\d\d-?[01]\d-?[0-3]\d)?(-v\d+(:\d+)?)?(:[a-z0-9._-]+)?")

_LONGEST_NAME = 64  # as the schema of PublicName says
_LONGEST_GIVEN = 128

SEED_COMMANDS = frozenset(
    {
        "a2a",
        "acp",
        "alias",
        "api",
        "build",
        "catalog",
        "debug",
        "eval",
        "exec",
        "feedback",
        "mcp",
        "models",
        "new",
        "pull",
        "push",
        "run",
        "serve",
        "setup",
        "share",
        "version",
    }
)
"""docker-agent's own commands: the docker dialect's ``command`` events name them."""

_SHIPPED = {"agents": AGENTS, "commands": SEED_COMMANDS, "tools": TOOLS}
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
        if name in declared or name in _SHIPPED.get(registry, ()):
            return name
        return "custom"

    def _model(self, name: str) -> str:
        if name == "unknown" or name in self.models:
            return name
        return _public_model(name)


@lru_cache(maxsize=1024)
def _public_model(name: str) -> str:
    """The longest public id that the name is, when region, vendor, date, revision and size are taken off."""
    known = public_models()
    if name in known:
        return name
    if len(name) > _LONGEST_GIVEN:
        return "custom"
    starts = [0, *(at + 1 for at, sign in enumerate(name) if sign in "./" and _WHERE.fullmatch(name, 0, at + 1))]
    ends = [end for end in range(len(name), 0, -1) if _AFTER.fullmatch(name, end)]
    found = [name[start:end] for start in starts for end in ends if name[start:end] in known]
    return max(found, key=len, default="custom")


@cache
def public_models() -> frozenset[str]:
    """Ids of public models: those of genai-prices where it is installed, the snapshot that ships, and local ones."""
    folder = resources.files("otel_agent_telemetry.pipeline.writing")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in ("models.txt", "local_models.txt")]
    shipped = frozenset(line for text in texts for line in text.splitlines() if line and not line.startswith("#"))
    return shipped | _priced_models()


def _priced_models() -> frozenset[str]:
    try:
        from genai_prices import data  # an extra
    except ImportError:
        return frozenset()
    return frozenset(
        model.id for provider in data.providers for model in provider.models if len(model.id) <= _LONGEST_NAME
    )
