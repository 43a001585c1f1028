"""The make targets that texts and messages name exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAID = re.compile(
    r"(?:`|with: |^\$ |bring them: )make ((?:[a-z][a-z-]*|PYTHON=\S+|VENV=\S+) ?(?:[a-z][a-z-]*)?)", re.MULTILINE
)
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = {name for line in re.findall(r"^([a-z][a-z -]*):", MAKEFILE, re.MULTILINE) for name in line.split()}
LISTED = subprocess.run(["git", "ls-files", "-z", "*.md", "*.py", "*.toml"], cwd=ROOT, check=True, capture_output=True)
FILES = [ROOT / name for name in LISTED.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def named(file: Path) -> set[str]:
    """The targets that a file tells its reader to make; a word that a program puts together is none."""
    words = {word for said in SAID.findall(file.read_text("utf-8")) for word in said.split() if "=" not in word}
    return {word for word in words if not word.endswith("-")}


@pytest.mark.parametrize(
    "file", [file for file in FILES if named(file)], ids=lambda file: file.relative_to(ROOT).as_posix()
)
def test_targets_exist(file: Path) -> None:
    """Each target that the file names is one of the Makefile."""
    assert named(file) - TARGETS == set()


def test_texts_name_targets() -> None:
    """The search finds what texts name, or it would hold of nothing."""
    assert {"check", "lock", "schema", "test"} <= named(ROOT / "CONTRIBUTING.md")
