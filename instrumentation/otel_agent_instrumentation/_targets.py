"""Which modules an instrumentation waits for: those of the libraries that its distribution says it instruments.

Upstream distributions name them in an extra, ``instruments`` or ``instruments-any`` (opentelemetry-python-contrib,
CONTRIBUTING.md). An instrumentation that is loaded before the program imports its library imports that library, which
takes a second or more for some of them and is in vain where the program never does.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["are_whole", "targets"]

_KNOWN = ("opentelemetry-instrumentation-", "openinference-instrumentation-")
"""Whose extras say what is changed; of others it is not known."""
_EXTRAS = ({"extra": "instruments"}, {"extra": "instruments-any"})
# Instrumentations that ask a library instead of changing it: the program itself need not ever import that.
_ASKING = frozenset({"opentelemetry-instrumentation-system-metrics"})


def targets(instrumentation: Distribution | None) -> frozenset[str]:
    """The modules whose import it can wait for; none where it names no library, or one with its files elsewhere."""
    if instrumentation is None or instrumentation.name in _ASKING or not instrumentation.name.startswith(_KNOWN):
        return frozenset()
    found: set[str] = set()
    for name in _instrumented(instrumentation):
        for library in _family(name):
            modules = _modules(library)
            if not modules:
                return frozenset()
            found |= modules
    return frozenset(found)


def are_whole(modules: frozenset[str], besides: str) -> bool:
    """Whether none of them is in the middle of its import, but for the one that has just come to the end of it.

    A library that is half there is no place to change it: importing more of it then may fail.
    """
    loaded = (sys.modules.get(name) for name in modules - {besides})
    return not any(getattr(getattr(module, "__spec__", None), "_initializing", False) for module in loaded)


def _instrumented(instrumentation: Distribution) -> Iterator[str]:
    for text in instrumentation.requires or ():
        if "extra" not in text:
            continue
        requirement = Requirement(text)
        if requirement.marker is not None and any(requirement.marker.evaluate(extra) for extra in _EXTRAS):
            yield requirement.name


def _family(name: str) -> Iterator[Distribution]:
    """The library, and what it stands on of the same name: ``langchain`` is changed in ``langchain-core``."""
    try:
        library = distribution(name)
    except PackageNotFoundError:
        return
    yield library
    prefix = f"{name.partition('-')[0]}-".lower()
    for text in library.requires or ():
        part = re.match(r"[\w.-]+", text)
        if "extra ==" not in text and part is not None and part[0].lower().startswith(prefix):
            try:
                yield distribution(part[0])
            except PackageNotFoundError:
                continue


def _modules(library: Distribution) -> set[str]:
    """The packages, and modules beside them, that a library consists of; none where its files are elsewhere."""
    files = [line.partition(",")[0] for line in (library.read_text("RECORD") or "").splitlines()]
    if any("/" not in file and (file.startswith("__editable__") or file.endswith(".pth")) for file in files):
        return set()
    packages = {file.removesuffix("/__init__.py") for file in files if file.endswith("/__init__.py")}
    tops = {package for package in packages if packages.isdisjoint(_above(package))}
    tops |= {file.removesuffix(".py") for file in files if "/" not in file and file.endswith(".py")}
    return {top.replace("/", ".") for top in tops if all(part.isidentifier() for part in top.split("/"))}


def _above(package: str) -> Iterator[str]:
    """The folders above it; what is imported on the way to the whole of a library is no place to change it."""
    while "/" in package:
        package = package.rpartition("/")[0]
        yield package
