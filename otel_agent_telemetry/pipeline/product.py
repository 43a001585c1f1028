"""Which product this process is, where no setting says it: the distribution that owns ``__main__``."""

from __future__ import annotations

import importlib.metadata
import os
import sys

__all__ = ["DEFAULT_PRODUCT", "running_product"]

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
        "taskiq",
        "uv",
        "uvicorn",
    }
)


def running_product() -> tuple[str, str | None]:
    """Name and version of the distribution that owns ``__main__``; ``agent-service`` where none does."""
    try:
        distribution = _owner()
        known = None if distribution is None else (distribution.name, distribution.version)
    except Exception:  # noqa: BLE001 - a frozen program has no metadata, or a part of it
        known = None
    return (DEFAULT_PRODUCT, None) if known is None or known[0].lower() in _LAUNCHERS else known


def _owner() -> importlib.metadata.Distribution | None:
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return _distribution_of(spec.name.partition(".")[0])
    script = os.path.basename(getattr(main, "__file__", None) or "")
    scripts = importlib.metadata.entry_points(group="console_scripts", name=script) if script else ()
    return next((found.dist for found in scripts if found.dist is not None), None)


def _distribution_of(package: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        owners = importlib.metadata.packages_distributions().get(package)
    return importlib.metadata.distribution(owners[0]) if owners else None
