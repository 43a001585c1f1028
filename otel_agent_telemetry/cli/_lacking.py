"""Which installed libraries lack the instrumentation that would show them, and what brings it."""

from __future__ import annotations

import importlib
import os
import re
from importlib.metadata import PackageNotFoundError, distribution, entry_points, requires
from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry.cli._covered import ROWS, UNSEEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from otel_agent_telemetry.cli._covered import Row

__all__ = ["lacking", "out_of_range", "unseen"]

# Shown by modules of ours, by themselves, by an extra, or of no use to whoever reads traces of agents.
_NOT_NEEDED = frozenset(
    {"asgiref", "botocore", "celery", "click", "grpcio", "jinja2", "psutil", "pydantic", "structlog"}
)

_EXTRA = re.compile("""extra == ['"]instruments['"]""")


def lacking() -> Iterator[tuple[str, str]]:
    """Name and version of each, and the command that installs what is missing."""
    for row in ROWS:
        version = _version(row.library)
        if version and _makes_none(row, version) and not all(map(_version, row.needs)):
            yield f"{row.library} {version}", f"pip install 'otel-agent-telemetry[{row.extra}]'"
    for name, needed in _known_upstream():
        version = _version(name)
        if version and not _version(needed):
            yield f"{name} {version}", f"pip install {needed}"


def unseen() -> Iterator[tuple[str, str]]:
    """Name and version of each library that no extra shows, and what of it is not seen."""
    for name, what in UNSEEN.items():
        version = _version(name)
        if version:
            yield f"{name} {version}", what
    for row in ROWS:
        version = _version(row.library)
        if version and _is_left_alone(row, version) and not all(map(_version, row.needs)):
            yield f"{row.library} {version}", "calls"


def out_of_range() -> Iterator[tuple[str, str, str]]:
    """Name and version of each library that an instrumentation leaves alone, its entry point, and what it knows."""
    from packaging.requirements import Requirement

    for entry in sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda each: each.name):
        for requirement in map(Requirement, _instruments(entry)):
            version = _version(requirement.name)
            if version and not requirement.specifier.contains(version, prereleases=True):
                yield f"{requirement.name} {version}", entry.name, str(requirement.specifier)


def _instruments(entry: EntryPoint) -> list[str]:
    """What it instruments: a module of ours says so itself, another distribution in its extra ``instruments``."""
    if entry.name.startswith("agent_"):
        try:
            return [*entry.load().requires]
        except ModuleNotFoundError:  # it belongs to an extra that is not installed
            return []
    lines = requires(entry.dist.name) if entry.dist is not None else None
    return [line.partition(";")[0] for line in lines or () if _EXTRA.search(line)]


def _makes_none(row: Row, version: str) -> bool:
    """Whether the library has no spans of its own in that version, and the extra has some."""
    from packaging.version import Version

    has_own = row.below is not None and Version(version) >= Version(row.below)
    return not (has_own or _is_left_alone(row, version) or _is_there(row.unless))


def _is_left_alone(row: Row, version: str) -> bool:
    from packaging.version import Version

    return row.left_alone_from is not None and Version(version) >= Version(row.left_alone_from)


def _known_upstream() -> list[tuple[str, str]]:
    """Library and instrumentation, as OpenTelemetry's own list has them (``opentelemetry-bootstrap``)."""
    if _version("opentelemetry-instrumentation") is None:
        return []
    generated = cast("Any", importlib.import_module("opentelemetry.instrumentation.bootstrap_gen"))
    own = {_name(line) for line in requires("otel-agent-telemetry") or () if "extra ==" not in line} | {"urllib3"}
    left_out = own | _NOT_NEEDED | {row.library for row in ROWS}
    pairs = (
        (_name(each["library"]), _name(each["instrumentation"]))
        for each in cast("list[dict[str, str]]", generated.libraries)
    )
    return [(library, needed) for library, needed in dict.fromkeys(pairs) if library not in left_out]


def _name(requirement: str) -> str:
    """``django`` of ``django >= 2.0``."""
    end = next((at for at, letter in enumerate(requirement) if not (letter.isalnum() or letter in "._-")), None)
    return requirement[:end].lower()


def _is_there(module: str | None) -> bool:
    """Whether a package has that module, without importing it."""
    if module is None:
        return False
    try:
        return os.path.isdir(str(distribution(module.partition(".")[0]).locate_file(module.replace(".", "/"))))
    except PackageNotFoundError:
        return False


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None
