"""FerretDB, a server that speaks MongoDB's protocol and is published as a Go module; MongoDB's own is in no registry.

``python -m tests.instrumentation.fetch_ferretdb`` builds it, once, into the folder that FERRETDB_CACHE names (by
default ``~/.cache/otel-agent-telemetry/ferretdb``). Needs Go and the Go module proxy; takes minutes. Tests only look.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.parts import absent

_MODULE, _VERSION = "github.com/FerretDB/FerretDB", "v1.24.2"  # the last that keeps its data in SQLite
_CACHE = Path(os.environ.get("FERRETDB_CACHE") or Path.home() / ".cache" / "otel-agent-telemetry" / "ferretdb")
_PLACE = _CACHE / _VERSION / "ferretdb"


def ferretdb() -> Path:
    """The server's binary; ends the test where it was not built."""
    return _PLACE if _PLACE.exists() else absent("ferretdb", "make test-mongo")


def main() -> None:
    """Build it, unless it is there."""
    if _PLACE.exists():
        return
    go = (
        shutil.which("go")
        or shutil.which("go", path="/usr/local/go/bin")
        or sys.exit("go is missing; install it first")
    )
    _PLACE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_PLACE.parent) as folder:
        download = [go, "mod", "download", "-json", f"{_MODULE}@{_VERSION}"]
        told = subprocess.run(download, check=True, stdout=subprocess.PIPE, cwd=folder)
        # It does not start without a file of its release, which the module leaves out; so it is built from a copy.
        source, built = Path(folder, "source"), Path(folder, "ferretdb")
        shutil.copytree(json.loads(told.stdout)["Dir"], source, copy_function=shutil.copyfile)
        version = source / "build" / "version"
        version.chmod(0o755)  # a module's folders are read-only
        (version / "version.txt").write_text(_VERSION, "utf-8")
        build = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(built), "./cmd/ferretdb"]
        subprocess.run(build, check=True, cwd=source, env={**os.environ, "CGO_ENABLED": "0"})
        built.rename(_PLACE)
        for each in (source, *source.rglob("*/")):
            each.chmod(0o755)


if __name__ == "__main__":
    main()
