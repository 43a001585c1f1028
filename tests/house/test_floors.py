from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CORE = ROOT / "otel_agent_telemetry"
INSTRUMENTATION = ROOT / "instrumentation" / "otel_agent_instrumentation"

FLOORS = {
    "ground": {
        "errors",
        "semconv",
        "_background",
        "_deadline",
        "_folder",
        "_http",
        "_imports",
        "_local_serve",
        "_log",
        "_losses",
        "_sockets",
        "_sqlite",
    },
    "words": {"contract", "lifecycle", "otlp"},
    "harnesses": {"harnesses"},
    "consent": {"settings", "consent", "presets"},
    "meaning": {"meaning", "identity"},
    "pipeline": {"pipeline"},
    "local": {"local"},
    "maintainers": {"maintainers"},
    "proof": {"proof"},
    "cli": {"cli"},
    "runtime": {"_runtime", "_recorder"},
    "roof": {"", "__main__", "pytest_plugin"},  # the package itself, which puts the parts together
}
BELOW = {
    "ground": {"ground"},
    "words": {"ground", "words"},
    "harnesses": {"ground", "words", "harnesses"},
    "consent": {"ground", "words", "consent"},
    "meaning": {"ground", "words", "consent", "meaning"},
    "pipeline": {"ground", "words", "consent", "meaning", "pipeline"},
    "local": {"ground", "words", "consent", "meaning", "local"},
    "maintainers": {"ground", "words", "consent", "maintainers"},
    "proof": {"ground", "words", "proof"},
    "runtime": {*FLOORS} - {"cli", "roof"},
    "cli": {*FLOORS} - {"roof"},
    "roof": {*FLOORS},
}


def _read(wing: str, *known: str) -> dict[str, set[str]]:
    """A wing of the questions that can be asked, which knows only those of the others."""
    others = {file.parent.name for file in CORE.glob("local/read/*/__init__.py")} - {wing, *known}
    return {f"local.read.{wing}": {f"local.read.{other}" for other in others}}


APART = {  # within a floor: a wing, and the wings that it does not know
    "lifecycle": {"contract", "otlp"},
    "contract": {"lifecycle", "otlp"},
    "otlp": {"contract", "lifecycle"},
    "meaning": {"identity"},
    "local.read": {"local.receive"},
    "local.store": {"local.receive", "local.read"},
    **_read("lists"),
    **_read("trace", "lists"),
    **_read("talk", "lists", "trace"),
    **_read("signals", "lists"),
    **_read("use"),
    **_read("sql"),
    **_read("left"),
    "pipeline.writing": {"pipeline.sending"},
    "pipeline.sending": {"pipeline.writing"},
}
FILES = sorted(CORE.rglob("*.py"))
HIGH = {"pipeline", "local", "cli", "_recorder.py"}
LOW = [file for file in FILES if HIGH.isdisjoint(file.relative_to(CORE).parts)]


def name_of(file: Path) -> str:
    """The dotted name of a file below the core package; empty for the package itself."""
    parts = file.relative_to(CORE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def floor_of(name: str) -> str:
    """The floor of a module; a module that no floor names is an error."""
    top = name.partition(".")[0]
    found = [floor for floor, modules in FLOORS.items() if top in modules]
    assert found, f"{top} is on no floor: add it to FLOORS in {__file__}"
    return found[0]


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, as a full dotted name."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(file, node)
            yield from (f"{base}.{alias.name}" if _is_module(base, alias.name) else base for alias in node.names)


def _base(file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = ("otel_agent_telemetry", *file.relative_to(CORE).parts[: -node.level])
    return ".".join((*package, *filter(None, [node.module])))


def _is_module(base: str, name: str) -> bool:
    path = ROOT.joinpath(*base.split("."), name)
    return path.with_suffix(".py").is_file() or path.is_dir()


def inner(file: Path) -> set[str]:
    """The modules of the core that a file imports, as names below the package."""
    found = (name.partition(".") for name in imports(file))
    return {rest for package, _, rest in found if package == "otel_agent_telemetry"}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_point_down(file: Path) -> None:
    """A module imports from its own floor and from those below it."""
    allowed = BELOW[floor_of(name_of(file))]
    assert {found for found in inner(file) if floor_of(found) not in allowed} == set()


@pytest.mark.parametrize("wing", APART)
def test_wings_of_a_floor_stay_apart(wing: str) -> None:
    """A wing does not import what it must not know, although both are on one floor."""
    files = [file for file in FILES if is_in(name_of(file), wing)]
    known = {found for file in files for found in inner(file)}
    assert files
    assert {found for found in known if any(is_in(found, other) for other in APART[wing])} == set()


def test_no_imports_in_a_circle() -> None:
    """No module imports another that imports it, by whatever way round; late and type-only imports count."""
    graph = {name_of(file): inner(file) & {name_of(other) for other in FILES} for file in FILES}
    with pytest.raises(CycleError) as planted:
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
    assert planted.value.args[1] in (["a", "b", "a"], ["b", "a", "b"])
    TopologicalSorter({name: {found for found in known if found != ""} for name, known in graph.items()}).prepare()


def is_in(name: str, wing: str) -> bool:
    """Whether a module is a wing or stands in it."""
    return f"{name}.".startswith(f"{wing}.")


@pytest.mark.parametrize("file", LOW, ids=name_of)
def test_the_low_floors_do_not_know_the_sdk(file: Path) -> None:
    """Below the pipeline nothing imports the OpenTelemetry SDK or its exporters, not even late."""
    heavy = ("opentelemetry.sdk", "opentelemetry.exporter")
    assert [name for name in imports(file) if name.startswith(heavy)] == []


@pytest.mark.parametrize("file", sorted(CORE.glob("proof/probe/*.py")), ids=lambda file: file.stem)
def test_the_probe_stands_alone(file: Path) -> None:
    """The probe runs in programs whose environment may have nothing of ours: it needs Python alone."""
    beside = {other.stem for other in file.parent.glob("*.py")}
    assert {name.partition(".")[0] for name in imports(file)} <= sys.stdlib_module_names | beside


def test_one_module_reaches_the_network() -> None:
    """Only ``_http`` imports requests, so what goes over a wire is decided in one place."""
    assert [name_of(file) for file in FILES if "requests" in imports(file)] == ["_http"]


@pytest.mark.parametrize("file", sorted(INSTRUMENTATION.rglob("*.py")), ids=lambda file: file.stem)
def test_framework_modules_use_public_names(file: Path) -> None:
    """A framework module imports the package ``otel_agent_telemetry`` and nothing inside it."""
    assert inner(file) <= {""}


def test_importing_the_package_is_cheap() -> None:
    """``import otel_agent_telemetry`` brings in nothing that a program would have to wait for."""
    heavy = "{'asyncio', 'dataclasses', 'json', 'opentelemetry', 'requests', 'sqlite3', 'typing'}"
    code = (
        f"import sys; sys.path.insert(0, sys.argv[1]); import otel_agent_telemetry; print({heavy} & {{*sys.modules}})"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], check=True, capture_output=True, text=True, env={}
    )
    assert run.stdout == "set()\n"
