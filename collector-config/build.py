"""Builds the Collector of builder.yaml with OpenTelemetry's own builder and prints the path of the binary.

It is built once for each builder.yaml: into the folder that COLLECTOR_CACHE names, by default
``~/.cache/otel-agent-telemetry/collector``. Needs Go 1.25 or newer and the Go module proxy; takes minutes. With
``--find`` nothing is built, and the exit code is 3 where there is no binary yet.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_MANIFEST = Path(__file__).resolve().with_name("builder.yaml")
_NOT_BUILT = 3


def cached() -> Path:
    """Where the binary of this builder.yaml is, or will be."""
    folder = os.environ.get("COLLECTOR_CACHE") or Path.home() / ".cache" / "otel-agent-telemetry" / "collector"
    return Path(folder) / hashlib.sha256(_MANIFEST.read_bytes()).hexdigest()[:16] / "otelcol-agents"


def build(binary: Path) -> None:
    """Build the Collector and put it there."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        sys.exit("Go is missing; get it from https://go.dev/dl/ or with: apt-get install golang-go (1.25 or newer)")
    manifest = _MANIFEST.read_text(encoding="utf-8")
    version = re.findall(r"^  version: (\S+)$", manifest, re.MULTILINE)[0]
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
        builder = [go, "run", f"go.opentelemetry.io/collector/cmd/builder@v{version}"]
        environment = {**os.environ, "PATH": f"{Path(go).parent}{os.pathsep}{os.environ['PATH']}"}
        command = [*builder, f"--config={_MANIFEST}", "--ldflags=-s -w"]
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=sys.stderr)
        Path(folder, "otelcol-agents", binary.name).replace(binary)


def main() -> int:
    """Find or build it."""
    binary = cached()
    if not binary.exists():
        if sys.argv[1:] == ["--find"]:
            return _NOT_BUILT
        build(binary)
    sys.stdout.write(f"{binary}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
