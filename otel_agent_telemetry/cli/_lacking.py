"""Which installed frameworks and model clients lack the instrumentation that would show them, and what brings it."""

from __future__ import annotations

import importlib
import os
from importlib.metadata import PackageNotFoundError, distribution, requires
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lacking"]

# Distribution -> the extra of ours whose instrumentation shows it (docs/reference/instrumentations.md).
_EXTRAS = {
    "autogen-agentchat": "autogen",
    "google-genai": "google",
    "litellm": "litellm",
    "llama-index-core": "llama-index",
    "openai": "openai",
    "smolagents": "smolagents",
}
_SHOWS_ITSELF = {"fastapi": "fastapi/telemetry", "starlette": "fastapi/telemetry"}
"""Library -> the folder beside it that is there where it has spans of its own (FastAPI, with Starlette below it)."""
# Shown by modules of ours, by themselves, or of no use to whoever reads traces of agents.
_NOT_NEEDED = frozenset({"celery", "click", "asgiref", "grpcio", "jinja2", "psutil", "pydantic", "structlog"})


def lacking() -> Iterator[tuple[str, str]]:
    """Name and version of each, and the command that installs what is missing."""
    for name, extra in _EXTRAS.items():
        version = _version(name)
        if version and not all(map(_version, _brought_by(extra))):
            yield f"{name} {version}", f"pip install 'otel-agent-telemetry[{extra}]'"
    for name, needed in _known_upstream():
        version = _version(name)
        if version and not _version(needed) and not _shows_itself(name):
            yield f"{name} {version}", f"pip install {needed}"


def _brought_by(extra: str) -> list[str]:
    lines = [line for line in requires("otel-agent-telemetry") or () if f"extra == '{extra}'" in line.replace('"', "'")]
    return [line.partition(">")[0].strip() for line in lines]


def _known_upstream() -> list[tuple[str, str]]:
    """Library and instrumentation, as OpenTelemetry's own list has them (``opentelemetry-bootstrap``)."""
    if _version("opentelemetry-instrumentation") is None:
        return []
    generated = cast("Any", importlib.import_module("opentelemetry.instrumentation.bootstrap_gen"))
    own = {_name(line) for line in requires("otel-agent-telemetry") or ()} | {"urllib3"}
    found: dict[str, str] = {}
    for each in cast("list[dict[str, str]]", generated.libraries):
        library = _name(each["library"])
        if library not in _EXTRAS and library not in own | _NOT_NEEDED:
            found.setdefault(_name(each["instrumentation"]), library)
    return [(library, needed) for needed, library in found.items()]


def _name(requirement: str) -> str:
    """``django`` of ``django >= 2.0``."""
    end = next((at for at, letter in enumerate(requirement) if not (letter.isalnum() or letter in "._-")), None)
    return requirement[:end].lower()


def _shows_itself(name: str) -> bool:
    folder = _SHOWS_ITSELF.get(name)
    return folder is not None and os.path.isdir(str(distribution(name).locate_file(folder)))


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None
