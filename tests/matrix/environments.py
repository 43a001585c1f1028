"""Environments of one framework each: ``python -m tests.matrix.environments [--lock] [NAME...]`` makes them.

``requirements/NAME.in`` says what a user of that framework installs beside our two distributions, ``NAME.txt`` is the
same with every version and hash pinned; ``--lock`` writes it anew. One that cannot be made here, as where a framework
has nothing for this Python yet, is named; its tests say that they did not run, or fail where REQUIRE_ENVIRONMENTS=1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
EXPECTED = Path(__file__).parent / "expected"
REQUIREMENTS = Path(__file__).parent / "requirements"
OLDEST_PYTHON = (3, 11)

_SHARED = {
    "ag2": "agents",
    "agno": "agents-openai-2",
    "deepagents": "agents",
    "dspy": "agents",
    "google-genai-direct": "google-genai",
    "semantic-kernel": "agents-openai-2",
}
"""A program that has no environment of its own -> one where it stands beside others that want nothing else."""

_FOLDER = Path(sys.prefix) / "frameworks"
_OURS = ("--editable", str(ROOT), "--editable", str(ROOT / "instrumentation"))


@dataclass(frozen=True)
class Environment:
    """One framework's environment, made or not; ``folder`` says what is in it, ``used_by`` whose program runs in it."""

    name: str
    folder: Path = REQUIREMENTS
    used_by: str = ""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _FOLDER / self.name / "bin" / "python"

    @property
    def made(self) -> Path:
        """Written once it is made, from what it was made of."""
        return _FOLDER / self.name / "made.txt"

    @property
    def locked(self) -> Path:
        """What is to be installed, pinned."""
        return self.folder / f"{self.name}.txt"

    @property
    def is_made(self) -> bool:
        """Whether it holds what the requirements say."""
        return self.made.exists() and self.made.read_text("utf-8") == self._of()

    @property
    def versions(self) -> dict[str, str]:
        """Distribution -> version, of what the requirements name."""
        pinned = dict(
            line.split(" ")[0].split("==") for line in self.locked.read_text("utf-8").splitlines() if "==" in line[:80]
        )
        names = (_name(line) for line in (self.folder / f"{self.name}.in").read_text("utf-8").splitlines())
        return {name: pinned[name] for name in names if name in pinned}

    def make(self) -> None:
        """Make it, unless it is as it should be."""
        if self.is_made:
            return
        self.made.unlink(missing_ok=True)
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(self.python.parents[1]))
        install = ("pip", "install", "--quiet", "--python", str(self.python))
        _uv(*install, "--require-hashes", "--requirement", str(self.locked))
        build = ("--build-constraints", str(ROOT / "constraints.txt"))
        _uv(*install, *build, "--no-deps", *_OURS)
        self.made.write_text(self._of(), "utf-8")

    def _of(self) -> str:
        files = (self.locked, ROOT / "pyproject.toml", ROOT / "instrumentation" / "pyproject.toml")
        return "".join(f"{sha256(file.read_bytes()).hexdigest()} {file.name}\n" for file in files)

    def lock(self, *, upgrade: bool = False) -> None:
        """Pin what the requirements and our two distributions need; versions stay unless ``upgrade`` says otherwise."""
        _uv(
            *(
                "pip",
                "compile",
                "--quiet",
                "--universal",
                "--python-version",
                ".".join(map(str, OLDEST_PYTHON)),
                "--generate-hashes",
            ),
            *("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
            *("--no-emit-package", "otel-agent-telemetry", "--no-emit-package", "otel-agent-instrumentation"),
            *(("--upgrade",) if upgrade else ()),
            *(str(self.folder / f"{self.name}.in"), "pyproject.toml", "instrumentation/pyproject.toml"),
            *("--output-file", str(self.locked)),
        )


def environments() -> list[Environment]:
    """All of them, by name."""
    return [Environment(path.stem) for path in sorted(REQUIREMENTS.glob("*.in"))]


def frameworks() -> list[str]:
    """What has a program here, by name."""
    return [path.stem for path in sorted(EXPECTED.glob("*.toml"))]


def environment_of(name: str) -> Environment:
    """The environment of the framework of that name, made or not."""
    return Environment(_SHARED.get(name, name), used_by=name)


def made(name: str) -> Environment:
    """The same; ends the test where it was not made."""
    environment = environment_of(name)
    if not environment.is_made:
        absent("environments", "make test-frameworks")
    return environment


def _name(requirement: str) -> str:
    return requirement.partition("[")[0].partition(">")[0].partition("=")[0].partition(";")[0].partition("<")[0].strip()


def _uv(*arguments: str) -> None:
    quiet = {**os.environ, "UV_NO_PROGRESS": "1"}
    subprocess.run([str(Path(sys.executable).with_name("uv")), *arguments], cwd=ROOT, env=quiet, check=True)


def main(arguments: Iterable[str]) -> None:
    """Make, or lock, those that are named; without names all."""
    parser = argparse.ArgumentParser(description="Make the frameworks' environments.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--lock", action="store_true", help="pin what they need")
    parser.add_argument("--upgrade", action="store_true", help="with --lock: the newest versions")
    chosen = parser.parse_args([*arguments])
    named = [environment for environment in environments() if not chosen.names or environment.name in chosen.names]
    if chosen.lock:
        for environment in named:
            environment.lock(upgrade=chosen.upgrade)
    elif sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("the frameworks' environments need Python 3.11 or newer: their tests do not run\n")
    else:
        for environment in named:
            _make(environment)


def _make(environment: Environment) -> None:
    try:
        environment.make()
    except subprocess.CalledProcessError:  # uv has said what is wrong
        sys.stderr.write(f"there is no environment for {environment.name} here, see above: its tests do not run\n")


if __name__ == "__main__":
    main(sys.argv[1:])
