"""An installation of the core alone, as if nothing else were there."""

from __future__ import annotations

from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePath

import pytest
from packaging.requirements import Requirement


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of packages, to be put on a path: what the core requires, and what that requires, and no more."""
    return _linked(tmp_path_factory.mktemp("site"), "otel-agent-telemetry")


@pytest.fixture(scope="session")
def framework_free_site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same with the framework modules, and with no framework."""
    return _linked(tmp_path_factory.mktemp("site"), "otel-agent-telemetry", "otel-agent-instrumentation")


def _linked(site: Path, *names: str) -> str:
    required: dict[str, Distribution] = {}
    for name in names:
        _required(name, required)
    for found in required.values():
        for entry in {_entry(found, PurePath(file)) for file in found.files or ()} - {None}:
            target = site / str(entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(Path(str(found.locate_file(str(entry)))))
    return str(site)


def _required(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    if name.lower() not in found:
        found[name.lower()] = distribution(name)
        for requirement in map(Requirement, found[name.lower()].requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                _required(requirement.name, found)
    return found


def _entry(found: Distribution, file: PurePath) -> PurePath | None:
    """What stands for an installed file: the package that it is in, else the file; None for what is elsewhere."""
    if (
        file.is_absolute()
        or ".." in file.parts
        or file.name.startswith(("__editable__", "_editable"))
        or file.suffix == ".pth"
    ):
        return None
    packages = (folder for folder in reversed(file.parents) if folder.parts and _is_package(found, folder))
    return next(packages, None if "__pycache__" in file.parts else file)


def _is_package(found: Distribution, folder: PurePath) -> bool:
    return folder.suffix == ".dist-info" or Path(str(found.locate_file(str(folder / "__init__.py")))).exists()
