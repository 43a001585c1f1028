"""Which command lines start a coding agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.harnesses import recognise

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {
    "claude -p hello": ("claude", 1),
    "/opt/node/bin/codex exec hello": ("codex", 1),
    "claude.exe -p": ("claude", 1),
    "cagent run a.yaml": ("docker-agent", 1),
    "npx -y @google/gemini-cli@latest -p hello": ("gemini", 3),
    "npx --package @openai/codex codex exec": ("codex", 4),
    "npm exec -- @qwen-code/qwen-code -p hello": ("qwen", 4),
    "pnpm dlx opencode-ai run hello": ("opencode", 3),
    "bunx @earendil-works/pi-coding-agent -p hello": ("pi", 2),
    "bun x @github/copilot -p hello": ("copilot", 3),
    "node /x/node_modules/@google/gemini-cli/bundle/gemini.js -p": ("gemini", 2),
    "node --require ./a.js /x/node_modules/@openai/codex/bin/codex.js exec": ("codex", 4),
    "goose run -t hello": ("goose", 1),
    "env A=1 B=2 nice -n 5 timeout --signal INT 60 claude -p": ("claude", 11),
}


@pytest.mark.parametrize("line", KNOWN)
def test_known(line: str) -> None:
    """By name, full path, package runner, script and wrapper; and where its own arguments begin."""
    found = recognise(line.split())
    assert found is not None
    assert (found.known.name, found.at) == KNOWN[line]


@pytest.mark.parametrize(
    "line",
    [
        "uvicorn app:app",
        "node server.js",
        "npx prettier .",
        "npm run claude",
        "pi 100",
        "amp on",
        "goose up",
        "goose postgres user=me up",
        "node -e claude",
        "env",
    ],
)
def test_unknown(line: str) -> None:
    """Anything else is left alone, also what has the short name of one and is another program."""
    assert recognise(line.split()) is None


@pytest.mark.parametrize(("name", "package"), [("pi", "@earendil-works/pi-coding-agent"), ("amp", "@ampcode/cli")])
def test_a_link_into_a_package(tmp_path: Path, name: str, package: str) -> None:
    """A name that others use too is known by the package that its links lead to."""
    script = tmp_path / "node_modules" / package / "cli.js"
    script.parent.mkdir(parents=True)
    script.write_text("#!/usr/bin/env node\n")
    script.chmod(0o755)
    (tmp_path / name).symlink_to(script)
    found = recognise([name, "-p"], {"PATH": str(tmp_path)})
    assert found is not None
    assert found.known.name == name


@pytest.mark.parametrize("bin", ['"cli-entry.js"', '{"qwen": "./cli-entry.js"}', '{"qwen": "other.js"}', "[]"])
def test_a_command_of_a_package(tmp_path: Path, bin: str) -> None:  # noqa: A002 - npm's word
    """A file, or a link to it, that a package has for its command; not any other file in it."""
    package = tmp_path / "node_modules" / "@qwen-code" / "qwen-code"
    package.mkdir(parents=True)
    (package / "package.json").write_text(f'{{"bin": {bin}}}')
    (package / "cli-entry.js").touch(0o755)
    (tmp_path / "agent").symlink_to(package / "cli-entry.js")
    found = [recognise([str(path), "-p"]) for path in (package / "cli-entry.js", tmp_path / "agent")]
    assert [each is not None and each.known.name for each in found] == ["entry" in bin and "qwen"] * 2


def test_a_python_program_of_that_name(tmp_path: Path) -> None:
    """A Python script that is called like one is instrumented as any Python program."""
    script = tmp_path / "gemini"
    script.write_text("#!/usr/bin/python3\n")
    script.chmod(0o755)
    assert recognise(["gemini"], {"PATH": str(tmp_path)}) is None
