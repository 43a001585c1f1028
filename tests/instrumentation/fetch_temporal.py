"""Temporal's test server, which its Java SDK publishes on Maven Central.

``python -m tests.instrumentation.fetch_temporal`` brings its jars, once, into the folder that TEMPORAL_CACHE names
(by default ``~/.cache/otel-agent-telemetry/temporal``), if each has the hash that is written here. Tests only look.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.parts import absent

_HERE = Path(__file__).parent / "temporal"
_HASHES = _HERE / "jars.sha256"
_CACHE = Path(os.environ.get("TEMPORAL_CACHE") or Path.home() / ".cache" / "otel-agent-telemetry" / "temporal")
_PLACE = _CACHE / hashlib.sha256(_HASHES.read_bytes()).hexdigest()[:16]


def jars() -> Path:
    """The folder with the jars of the server; ends the test where they were not fetched."""
    return _PLACE if _PLACE.exists() else absent("temporal server", "make test-temporal")


def _check(folder: Path) -> None:
    found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}
    wanted = {name: value for value, name in map(str.split, _HASHES.read_text("utf-8").splitlines())}
    wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if wrong:
        sys.exit(f"not what {_HASHES.name} says: {', '.join(wrong)}")


def main() -> None:
    """Fetch the jars that are missing, and refuse any other."""
    if _PLACE.exists():
        return
    maven = shutil.which("mvn") or sys.exit("mvn is missing; install it first")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        part = Path(folder, "jars")
        copy = [maven, "-q", "-B", "-f", str(_HERE / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*copy, f"-DoutputDirectory={part}"], check=True)
        _check(part)
        part.rename(_PLACE)


if __name__ == "__main__":
    main()
