"""Which product this process is, and what its service is called, where no setting says it.

The product's name is in every event: it is that of a distribution, never that of somebody's file. The service's name is
the operator's own, and is the name of what he runs.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry.pipeline._command_line import Program, running_program

if TYPE_CHECKING:
    from otel_agent_telemetry.consent import Consent
    from otel_agent_telemetry.identity import Store
    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.settings import Settings

__all__ = ["DEFAULT_PRODUCT", "Names", "Process", "running_names", "running_product"]

DEFAULT_PRODUCT = "agent-service"

# Programs that run other people's services: their name says nothing about the product.
_LAUNCHERS = frozenset(
    {
        "arq",
        "celery",
        "coverage",
        "dramatiq",
        "fastapi",
        "flask",
        "granian",
        "gunicorn",
        "hypercorn",
        "ipython",
        "opentelemetry-instrumentation",
        "otel-agent-instrumentation",
        "otel-agent-telemetry",
        "pip",
        "pytest",
        "rq",
        "sanic",
        "taskiq",
        "uv",
        "uvicorn",
        "waitress",
    }
)
_APPLICATION = re.compile(r"([A-Za-z_][\w.]*):[\w.()]+")  # package.module:attribute, as servers take it
_NAMES_IT = ("-A", "--app", "--application")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 64


class Names(NamedTuple):
    """What this process is called: in events, in the operator's traces, and its version, None where unknown."""

    product: str
    service: str
    version: str | None


class Process(NamedTuple):
    """What this process is, and was told."""

    lifecycle: Lifecycle
    settings: Settings
    consent: Consent
    store: Store | None
    product: str
    version: str | None


def running_product() -> str:
    """The name of the distribution that owns what runs; ``agent-service`` where none does."""
    known = _distribution()
    return DEFAULT_PRODUCT if known is None or known[0].lower() in _LAUNCHERS else known[0]


def running_names() -> Names:
    """The names of the distribution that owns what runs; where none does, the service's is that of what runs."""
    known = _distribution()
    is_launcher = known is not None and known[0].lower() in _LAUNCHERS
    if known is not None and not is_launcher:
        return Names(known[0], *known)
    return Names(DEFAULT_PRODUCT, _service(running_program(), is_launcher=is_launcher), None)


def _service(program: Program, *, is_launcher: bool) -> str:
    """The name of a script or a module, or of the application that a server or a worker was given."""
    own = _own_name(program)
    if is_launcher or own.lower() in _LAUNCHERS:
        own = _application(own.lower(), program.arguments) or own
    return _FORBIDDEN.sub("-", own).strip("._-")[:_LONGEST_NAME] or "python"


def _own_name(program: Program) -> str:
    if program.module:
        return program.module.removesuffix(".__main__")
    path = os.path.abspath(program.script) if program.script else ""
    stem = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(path)) if stem == "__main__" else stem


def _application(launcher: str, arguments: tuple[str, ...]) -> str:
    """What a server or a worker was given to run; empty where nothing looks like it."""
    for word, following in zip(arguments, (*arguments[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name in _NAMES_IT:
            return _module(value if equals else following)
        if found := _APPLICATION.fullmatch(word):
            return _module(found[1])
        if word.endswith(".py"):
            return os.path.splitext(os.path.basename(word))[0]
        if launcher in {"arq", "dramatiq"} and _MODULE.fullmatch(word):
            return word.rpartition(".")[0] if launcher == "arq" else word
    return ""


def _module(text: str) -> str:
    name = text.partition(":")[0]
    return os.path.splitext(os.path.basename(name))[0] if name.endswith(".py") else name


def _distribution() -> tuple[str, str] | None:
    try:
        distribution = _owner()
        known = None if distribution is None else (distribution.name, distribution.version)
    except Exception:  # noqa: BLE001 - a frozen program has no metadata, or a part of it
        known = None
    return known


def _owner() -> importlib.metadata.Distribution | None:
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    module, script = (spec.name if spec is not None else None), getattr(main, "__file__", None)
    if not (module or script):
        module, script, _ = running_program()
    if module:
        return _distribution_of(module.partition(".")[0])
    name = os.path.basename(script or "")
    scripts = importlib.metadata.entry_points(group="console_scripts", name=name) if name else ()
    return next((found.dist for found in scripts if found.dist is not None), None)


def _distribution_of(package: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        owners = importlib.metadata.packages_distributions().get(package)
    return importlib.metadata.distribution(owners[0]) if owners else None
