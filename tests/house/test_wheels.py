from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest

from tests.parts import absent


@pytest.fixture(scope="module")
def root() -> Path:
    """The folder in which ``make wheels`` built both wheels and installed them into two empty environments."""
    named = os.environ.get("AGENT_TELEMETRY_WHEELS")
    if named is None:
        absent("wheels", "make check")
    return Path(named)


def python(root: Path, environment: str, *args: str) -> str:
    """Standard output of the Python in which the wheels are installed, run with no setting and an empty home."""
    program = root / "build" / environment / "bin" / "python"
    variables = {"HOME": os.environ["HOME"], "PATH": f"{program.parent}:/usr/bin:/bin"}
    run = subprocess.run(
        [program, *args], check=False, capture_output=True, text=True, env=variables, cwd=os.environ["HOME"]
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__") and "._examples" not in module.name:
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            print(module.name.removeprefix(package.__name__ + "."), error.name)
"""

LOAD_ENTRY_POINTS = """
from importlib.metadata import distribution
for name in ("otel-agent-telemetry", "otel-agent-instrumentation"):
    for entry in distribution(name).entry_points:
        if entry.group != "pytest11" and not entry.name.startswith("agent_web_"):  # pytest's, and the extra web's
            entry.load()
        print(entry.group, entry.name)
"""

LIFECYCLE = """
import otel_agent_telemetry as telemetry
telemetry.configure(product="acme-agents", source="worker", version="2.3.0", enabled=False)
with telemetry.session(agent="planner"), telemetry.task("research") as task, telemetry.tool("web_search"):
    print(task.id)
print(telemetry.decision().enabled, telemetry.flush())
"""


def test_the_core_stands_alone(root: Path) -> None:
    """Every module of the core imports where only its wheel is installed, but for what serves an extra, or pytest."""
    needing = {
        *("cli._mcp_tools mcp", "cli._top_screen rich"),
        *(
            "maintainers.receive._door aiohttp",
            "maintainers.receive._serve aiohttp",
            "maintainers.receive._showing aiohttp",
            "pytest_plugin pytest",
        ),
    }
    assert {*python(root, "core", "-W", "error", "-c", IMPORT_ALL, "otel_agent_telemetry").splitlines()} == needing


def test_framework_modules_import_without_their_frameworks(root: Path) -> None:
    """Every framework module imports where no framework is installed, but for what serves the extra ``web``."""
    printed = python(root, "both", "-W", "error", "-c", IMPORT_ALL, "otel_agent_instrumentation")
    lacking = [line.split(" ") for line in printed.splitlines()]
    assert {(module.split(".")[0], lacks) for module, lacks in lacking} == {("web", "opentelemetry.util.http")}


def test_entry_points_load(root: Path) -> None:
    """Every entry point of both wheels leads to something."""
    printed = python(root, "both", "-c", LOAD_ENTRY_POINTS).split("\n")
    assert {"console_scripts agent-telemetry", "opentelemetry_distro agent_telemetry"} <= set(printed)


def test_an_opted_out_program_runs(root: Path) -> None:
    """The lifecycle calls work opted out, and leave the home empty."""
    printed = python(root, "core", "-c", LIFECYCLE)
    assert (printed, list(Path.home().iterdir())) == ("None\nFalse True\n", [])


SERVICE = """
from opentelemetry import trace
with trace.get_tracer("service").start_as_current_span("x", attributes={"gen_ai.operation.name": "execute_tool"}):
    pass
"""
STARTERS = {
    "agent-telemetry run": ("agent-telemetry", "run", "--", "python", "service.py"),
    "opentelemetry-instrument": ("opentelemetry-instrument", "python", "service.py"),
}


@pytest.mark.parametrize("starter", STARTERS)
def test_a_program_is_instrumented_without_a_change(root: Path, starter: str, tmp_path: Path) -> None:
    """Started by either command, a program that knows only OpenTelemetry's API leaves its events in the ledger."""
    (tmp_path / "service.py").write_text(SERVICE, "utf-8")
    programs = root / "build" / "both" / "bin"
    variables = {"HOME": str(tmp_path), "PATH": f"{programs}:/usr/bin:/bin", "AGENT_TELEMETRY_NOTICE": "0"}
    program, *arguments = STARTERS[starter]
    command = [programs / program, *arguments]
    run = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    listed = [programs / "agent-telemetry", "events", "--json"]
    bodies = subprocess.run(listed, env=variables, cwd=tmp_path, capture_output=True, check=True).stdout.splitlines()
    assert [json.loads(body)["event"] for body in bodies] == ["tool.called"]


@pytest.mark.parametrize("command", ["-m otel_agent_telemetry", "../bin/agent-telemetry"])
def test_the_command_answers(root: Path, command: str) -> None:
    """The command runs as a module and as a script."""
    start = command.replace("../bin", str(root / "build" / "core" / "bin"))
    assert python(root, "core", *start.split(), "--help").startswith("Usage: ")


@pytest.mark.parametrize("name", ["otel_agent_telemetry", "otel_agent_instrumentation"])
def test_a_wheel_holds_its_package_alone(root: Path, name: str) -> None:
    """A wheel holds one package with its type marker, and the licence."""
    (wheel,) = (root / "dist").glob(f"{name}-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    folders = {entry.partition("/")[0] for entry in names}
    info = next(folder for folder in folders if folder.endswith(".dist-info"))
    assert folders == {name, info}
    assert {f"{name}/py.typed", f"{info}/licenses/LICENSE"} <= set(names)


def test_the_pip_that_python_brings_installs_them(root: Path, tmp_path: Path) -> None:
    """Both wheels go with each other and with what they need, as the oldest resolver that people have sees it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "empty"], check=True)
    pip = [tmp_path / "empty" / "bin" / "python", "-m", "pip", "install", "--quiet", "--dry-run"]
    run = subprocess.run([*pip, *(root / "dist").glob("*.whl")], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["otel-agent-telemetry", "otel-agent-instrumentation"])
def test_nothing_is_needed_twice(name: str) -> None:
    """What one dependency pins is not asked for beside it: pip before 23.3 cannot go back from the newest."""
    asked = needed(name)
    pinned = {each: pins for other in asked for each, pins in needed(other).items()}
    # The API and the SDK are released together, and with all that pins them.
    assert {each for each in asked if "==" in pinned.get(each, "")} <= {"opentelemetry-api", "opentelemetry-sdk"}


def needed(name: str) -> dict[str, str]:
    """What a distribution needs in any case: name -> the whole requirement."""
    always = (each for each in requires(name) or () if ";" not in each)
    return {re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0].lower().replace("_", "-"): each for each in always}
