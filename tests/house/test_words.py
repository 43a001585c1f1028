from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPLIT = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
).stdout.decode()
FILES = [file for name in SPLIT.split("\0") if name and (file := ROOT / name).is_file()]
PAGES = [file for file in FILES if file.suffix == ".md"]

# Written with a bracket in each, so that this file does not find itself.
FORBIDDEN = re.compile(
    r"/[w]ork/|/[t]mp/|/[r]oot/|/[h]ome/\w|/[U]sers/\w|/[o]pt/wheels"  # paths of one machine
    r"|[p]ypi\.org|[p]ythonhosted|[n]pmjs|[p]roxy\.golang|[c]rates\.io|[d]eb\.debian|[m]aven\.org"  # registries
)
TO_DO = re.compile(r"\b[T]ODO\b|\b[F]IXME\b|\b[X]XX\b")
PASSED_OVER = re.compile(r"#\s(?:noqa: |pyright: ignore)")
REASON = re.compile(r"#\s(?:noqa: [A-Z0-9, ]+|pyright: ignore\[[^\]]+\]) - \w")
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def relative(file: Path) -> str:
    """The file's path from the root of the repository."""
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_no_file_names_a_machine_or_a_registry(file: Path) -> None:
    """No file names a path of one machine or the host of a package registry, nor leaves a thing to do."""
    content = file.read_bytes()
    text = content.decode("utf-8", "replace")
    to_do: list[str] = [] if b"\0" in content else TO_DO.findall(text)  # a picture has three such letters by chance
    assert [*FORBIDDEN.findall(text), *to_do] == []


@pytest.mark.parametrize("file", PAGES, ids=relative)
def test_links_lead_to_files(file: Path) -> None:
    """Each link of a page to a file of the repository leads to one that exists."""
    targets: list[str] = LINK.findall(file.read_text("utf-8"))
    assert [target for target in targets if not (file.parent / target).exists()] == []


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix == ".py"], ids=relative)
def test_what_is_passed_over_has_its_reason(file: Path) -> None:
    """Each comment that a checker is to pass something over says why."""
    passed_over = [line for line in file.read_text("utf-8").splitlines() if PASSED_OVER.search(line)]
    assert [line for line in passed_over if not REASON.search(line)] == []
