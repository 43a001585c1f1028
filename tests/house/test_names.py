from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import pytest

import otel_agent_instrumentation
import otel_agent_telemetry as telemetry

if TYPE_CHECKING:
    from types import ModuleType

WITHOUT_LIST = {"otel_agent_telemetry.semconv"}  # every name in it is public


def modules() -> list[str]:
    """Every module of both distributions, without ``__main__``."""
    packages = (telemetry, otel_agent_instrumentation)
    found = [m.name for p in packages for m in pkgutil.walk_packages(p.__path__, f"{p.__name__}.")]
    return [name for name in found if not name.endswith("__main__")]


def is_public(name: str) -> bool:
    """Whether no part of a dotted name starts with an underscore."""
    return not any(part.startswith("_") for part in name.split("."))


def defined(module: ModuleType) -> set[str]:
    """The functions and classes that a module defines under a public name."""
    return {
        name
        for name, value in vars(module).items()
        if is_public(name) and getattr(value, "__module__", None) == module.__name__
    }


@pytest.mark.parametrize("name", [name for name in modules() if is_public(name) and name not in WITHOUT_LIST])
def test_public_modules_list_their_names(name: str) -> None:
    """``__all__`` of a public module holds names that exist, and each function and class that the module defines."""
    module = importlib.import_module(name)
    listed = set(module.__all__)
    assert ({entry for entry in listed if not hasattr(module, entry)}, defined(module) - listed) == (set(), set())


@pytest.mark.parametrize("name", modules())
def test_every_module_imports_alone(name: str) -> None:
    """Each module can be imported, whichever frameworks are installed, and says in its docstring what it is."""
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("name", telemetry.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name that the package lists exists and says what it is."""
    value = getattr(telemetry, name)
    assert isinstance(value, str) or value.__doc__


def test_the_package_shows_no_other_name() -> None:
    """``dir()`` of the package shows the listed names and its submodules, nothing else."""
    shown = {name for name in dir(telemetry) if is_public(name)}
    submodules = {module.name for module in pkgutil.iter_modules(telemetry.__path__)}
    assert shown - submodules - set(telemetry.__all__) == set()
