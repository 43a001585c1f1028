"""Command line programs, each run in a process of its own."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tests.instrumentation.program import OURS, PROGRAMS, Program, needs

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = {"AGENT_TELEMETRY_PUBLIC_COMMANDS": "run,db up"}
FRAMEWORKS = ("argparse", "click", "cyclopts", "typer")
UNCOMPARED = {"agent.lifecycle", "agent.command.program", "error.type"}
CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "success": (["db", "up", "--token", "SECRET"], {"agent.command.name": "acme db up", "agent.exit_code": 0}),
    "exception": (["fail"], {"agent.command.name": "acme fail", "agent.exit_code": 1, "agent.outcome": "error"}),
    "exit code": (["leave"], {"agent.command.name": "acme leave", "agent.exit_code": 4, "agent.outcome": "error"}),
    "interrupt": (["stop"], {"agent.command.name": "acme stop", "agent.outcome": "cancelled"}),
}


def run(
    home: Path, framework: str, *arguments: str, prefix: tuple[str, ...] = ("-m",)
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a program, and the attributes of its command spans without the exception's class."""
    if framework != "argparse":
        needs(framework)
    with Program(home=home) as program:
        code = program.run(*prefix, f"cli_{framework}", *arguments)
        spans = [span.attributes for span in program.spans if span.scope == OURS]
    assert "SECRET" not in str(spans)
    return code, [{key: value for key, value in each.items() if key not in UNCOMPARED} for each in spans]


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", CASES)
def test_a_command_is_reported_with_its_exit_code(tmp_path: Path, framework: str, case: str) -> None:
    """A command has the path of its names, its outcome and the exit code of its process, and no argument's value."""
    arguments, expected = CASES[case]
    code, found = run(tmp_path, framework, *arguments)
    if case == "interrupt":
        for each in found:
            assert each.pop("agent.exit_code") in {1, 130}
    else:
        assert code == expected["agent.exit_code"]
    assert found == [expected]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_command_line_that_is_not_understood_is_a_failure(tmp_path: Path, framework: str) -> None:
    """What the program refuses is a failed command of the program; asking for help is none."""
    refused, found = run(tmp_path, framework, "nonsense")
    helped, none = run(tmp_path, framework, "--help")
    assert (refused, [each["agent.exit_code"] for each in found], helped, none) == (refused, [refused], 0, [])
    assert found[0]["agent.command.name"] == "acme"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_the_maintainers_see(tmp_path: Path, framework: str) -> None:
    """Commands that were declared leave by name, whatever the program is called; a refused command line is no bug."""
    if framework != "argparse":
        needs(framework)
    with Program(home=tmp_path, variables=DECLARED) as program:
        for arguments in (["db", "up"], ["nonsense"]):
            program.run("-m", f"cli_{framework}", *arguments)
        told = [each["properties"] for each in program.events]
        assert [(each["command"], each.get("errorCategory")) for each in told] == [
            ("db up", None),
            ("custom", "validation"),
        ]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_our_errors_stay_with_us(tmp_path: Path, framework: str) -> None:
    """Where every call of ours raises, the program exits as it does without us."""
    assert run(tmp_path, framework, "leave", prefix=("-m", "broken")) == (4, [])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_a_library_starts_is_no_command(tmp_path: Path, framework: str) -> None:
    """A script inside an installed library is named by that library alone; of its command lines nothing is told."""
    if framework != "argparse":
        needs(framework)
    script = tmp_path / "site-packages" / "acme" / "agent.py"
    script.parent.mkdir(parents=True)
    script.write_bytes((PROGRAMS / f"cli_{framework}.py").read_bytes())
    with Program(home=tmp_path) as program:
        assert program.run(str(script), "db", "up", "--token", "one") == 0
        assert program.run(str(script), "nonsense") != 0
        assert (program.spans, program.events) == ([], [])


def test_programs_that_run_a_service_are_no_commands(tmp_path: Path) -> None:
    """The command line of a tool that is not the product's is not reported."""
    needs("celery")
    assert version("celery")
    with Program(home=tmp_path) as program:
        assert program.run("celery", "--app", "celery_app", "report") == 0
        assert program.spans == []
