"""An environment for each peer, from ``requirements/NAME.txt``; run with ``--lock`` it pins anew.

``NAME.in`` says what a user installs, ``NAME.txt`` has versions and hashes; ``ours`` is what ``pyproject.toml`` says,
and stands in ``service`` too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = Path(__file__).parent / "requirements"
NAMES = ("ours", "sdk", "logfire", "posthog", "segment", "sentry", "requests", "service")
_HAVE_OURS = {"ours": (ROOT,), "service": (ROOT, ROOT / "instrumentation")}

_FOLDER = Path(sys.prefix) / "bench"


def python(name: str) -> str:
    """The interpreter of a peer's environment, which is made where it is not there or is of something else."""
    folder, locked = _FOLDER / name, REQUIREMENTS / f"{name}.txt"
    made = folder / "made.txt"
    found = str(folder / "bin" / "python")
    if made.exists() and made.read_text("utf-8") == locked.read_text("utf-8"):
        return found
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    install = ("pip", "install", "--quiet", "--python", found)
    _uv(*install, "--require-hashes", "--requirement", str(locked))
    if name in _HAVE_OURS:
        editable = (part for each in _HAVE_OURS[name] for part in ("--editable", str(each)))
        _uv(*install, "--build-constraints", str(ROOT / "constraints.txt"), "--no-deps", *editable)
    made.write_text(locked.read_text("utf-8"), "utf-8")
    return found


def versions() -> dict[str, str]:
    """Distribution -> version, of what the peers are."""
    pinned: dict[str, str] = {}
    for name in NAMES:
        lines = (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines()
        pinned |= dict(line.split(" ")[0].split("==") for line in lines if "==" in line[:60])
    wanted = [line for file in sorted(REQUIREMENTS.glob("*.in")) for line in file.read_text("utf-8").split()]
    return {name: pinned[name] for name in wanted}


def lock(*upgrade: str) -> None:
    """Pin versions and hashes anew."""
    compile_ = ("pip", "compile", "--quiet", "--universal", "--python-version", "3.10", "--generate-hashes")
    said = ("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock", *upgrade)
    for name in NAMES:
        sources = [ROOT / "pyproject.toml"] if name in _HAVE_OURS else []
        sources += [REQUIREMENTS / f"{name}.in"] if name != "ours" else []
        named = [str(source.relative_to(ROOT)) for source in sources]
        _uv(*compile_, *said, *named, "--output-file", str(REQUIREMENTS / f"{name}.txt"))


def _uv(*arguments: str) -> None:
    quiet = {**os.environ, "UV_NO_PROGRESS": "1"}
    subprocess.run([str(Path(sys.executable).with_name("uv")), *arguments], cwd=ROOT, env=quiet, check=True)


if __name__ == "__main__" and "--lock" in sys.argv:
    lock(*(argument for argument in sys.argv[1:] if argument != "--lock"))
