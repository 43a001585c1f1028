"""Which names are public: models that everybody can look up, and what the product itself declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Registries", "public_models"]

_DATE = re.compile(r"[-@](20\d{2}-?[01]\d-?[0-3]\d)$")

_LONGEST_NAME = 64  # as the schema of PublicName says

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
        if name in declared or (registry == "commands" and name in SEED_COMMANDS):
            return name
        return "custom"

    def _model(self, name: str) -> str:
        if name == "unknown" or name in self.models:
            return name
        for candidate in (name, _DATE.sub("", name), name.rpartition("/")[2]):
            if candidate in public_models():
                return candidate
        return "custom"


@cache
def public_models() -> frozenset[str]:
    """Ids of public models: those of genai-prices where it is installed, else the snapshot that ships."""
    snapshot = (
        resources.files("otel_agent_telemetry.pipeline.writing").joinpath("models.txt").read_text(encoding="utf-8")
    )
    shipped = frozenset(line for line in snapshot.splitlines() if line and not line.startswith("#"))
    return shipped | _priced_models()


def _priced_models() -> frozenset[str]:
    try:
        from genai_prices import data  # an extra
    except ImportError:
        return frozenset()
    return frozenset(
        model.id for provider in data.providers for model in provider.models if len(model.id) <= _LONGEST_NAME
    )
