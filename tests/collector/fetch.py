"""What some tests need besides the Collector: a Node client, Jaeger, Kafka, Prometheus; each from its own registry.

``python -m tests.collector.fetch node jaeger kafka prometheus`` brings those that are named, once, into the folder that
COLLECTOR_CACHE names (by default ``~/.cache/otel-agent-telemetry/collector``). Tests only look there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.parts import absent

_HERE = Path(__file__).parent
_CACHE = Path(os.environ.get("COLLECTOR_CACHE") or Path.home() / ".cache" / "otel-agent-telemetry" / "collector")
_JAEGER = "github.com/jaegertracing/jaeger"
_PROMETHEUS = "github.com/prometheus/prometheus"


def node() -> Path:
    """The folder with client.mjs and the packages that it needs; ends the test where it was not fetched."""
    return _found("node")


def jaeger() -> Path:
    """The folder with Jaeger's binary; ends the test where it was not fetched."""
    return _found("jaeger")


def kafka() -> Path:
    """The folder with the jars of a Kafka broker; ends the test where it was not fetched."""
    return _found("kafka")


def prometheus() -> Path:
    """The folder with the binaries of Prometheus and promtool; ends the test where it was not fetched."""
    return _found("prometheus")


def _program(name: str, folder: str = "") -> str:
    """The program of that name on PATH, or in that folder."""
    return shutil.which(name) or shutil.which(name, path=folder) or sys.exit(f"{name} is missing; install it first")


def _fetch_node(folder: Path) -> None:
    shutil.copytree(_HERE / "node", folder, dirs_exist_ok=True)
    subprocess.run([_program("npm"), "ci", "--no-audit", "--no-fund", "--silent"], check=True, cwd=folder)


def _fetch_jaeger(folder: Path) -> None:
    go = _program("go", "/usr/local/go/bin")
    version = (_HERE / "jaeger" / "version").read_text(encoding="utf-8").strip()  # v1.76 is the module's name for 2.13
    told = subprocess.run(
        [go, "mod", "download", "-json", f"{_JAEGER}@{version}"], check=True, stdout=subprocess.PIPE, cwd=folder
    )
    # Its go.mod replaces a module, which `go install` does not allow; so it is built from a copy, with its own go.sum.
    source = folder / "source"
    shutil.copytree(json.loads(told.stdout)["Dir"], source, copy_function=shutil.copyfile)
    build = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(folder / "jaeger"), "./cmd/jaeger"]
    subprocess.run(build, check=True, cwd=source, env={**os.environ, "CGO_ENABLED": "0"})
    shutil.rmtree(source)


def _fetch_kafka(folder: Path) -> None:
    copy = [_program("mvn"), "-q", "-B", "-f", str(_HERE / "kafka" / "pom.xml"), "dependency:copy-dependencies"]
    subprocess.run([*copy, f"-DoutputDirectory={folder}"], check=True)


def _fetch_prometheus(folder: Path) -> None:
    version = (
        (_HERE / "prometheus" / "version").read_text(encoding="utf-8").strip()
    )  # v0.316 is the module's name for 3.16
    programs = [f"{_PROMETHEUS}/cmd/{name}@{version}" for name in ("prometheus", "promtool")]
    install = [_program("go", "/usr/local/go/bin"), "install", "-trimpath", "-tags=remove_all_sd", "-ldflags=-s -w"]
    subprocess.run([*install, *programs], check=True, cwd=folder, env={**os.environ, "GOBIN": str(folder)})


_PARTS = {
    "node": (_fetch_node, ("node/package-lock.json", "node/client.mjs")),
    "jaeger": (_fetch_jaeger, ("jaeger/version",)),
    "kafka": (_fetch_kafka, ("kafka/pom.xml",)),
    "prometheus": (_fetch_prometheus, ("prometheus/version",)),
}


def _place(name: str) -> Path:
    _, manifests = _PARTS[name]
    content = b"".join((_HERE / manifest).read_bytes() for manifest in manifests)
    return _CACHE / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"


def _found(name: str) -> Path:
    place = _place(name)
    return place if place.exists() else absent(f"collector {name}", f"python -m tests.collector.fetch {name}")


def main() -> None:
    """Fetch the parts that the command line names."""
    for name in sys.argv[1:] or _PARTS:
        fetch, _ = _PARTS[name]
        place = _place(name)
        if place.exists():
            continue
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
            part = Path(folder, name)
            part.mkdir()
            fetch(part)
            part.rename(place)


if __name__ == "__main__":
    main()
