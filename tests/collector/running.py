"""The real Collector as a process: started with a configuration of collector-config, watched, stopped or killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.network import reserved_port
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

CONFIGURATIONS = Path(__file__).parents[2] / "collector-config"
_DEADLINE = 30.0
_BEGIN = re.compile(r'(?=\{"resource(?:Spans|Logs|Metrics)":)')


def _found() -> str | None:
    """The binary that COLLECTOR_BINARY names, else the one that build.py has built."""
    named = os.environ.get("COLLECTOR_BINARY")
    if named:
        return named
    found = subprocess.run(
        [sys.executable, CONFIGURATIONS / "build.py", "--find"], stdout=subprocess.PIPE, text=True, check=False
    )
    return found.stdout.strip() or None


_BINARY = _found()  # before a test has a home of its own


def binary() -> str:
    """The Collector's binary; ends the test where there is none."""
    return _BINARY or absent("collector", "make test-collector")


def wait_until(is_true: Callable[[], object], what: str, seconds: float = _DEADLINE) -> None:
    """Returns once ``is_true()`` is; fails with what was awaited when the time is over."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)


class Collector:
    """One process of the Collector; ``grpc``, ``http`` and ``peer`` are ports of its receivers."""

    def __init__(self, state: Path, *configurations: str | Path, **settings: str) -> None:
        self.state = state
        self.files = state / "data"
        self.grpc, self.http, self.peer, self._health = (reserved_port() for _ in range(4))
        self._arguments = [f"--config={CONFIGURATIONS / name}" for name in configurations]
        self.settings = {
            "COLLECTOR_GRPC": f"127.0.0.1:{self.grpc}",
            "COLLECTOR_HTTP": f"127.0.0.1:{self.http}",
            "COLLECTOR_HEALTH": f"127.0.0.1:{self._health}",
            "COLLECTOR_METRICS_PORT": str(reserved_port()),
            "COLLECTOR_STATE": str(state),
            "COLLECTOR_DIR": str(self.files),
            "EVENTS_ENDPOINT": f"127.0.0.1:{self.http}",
            "GATEWAY_GRPC": f"127.0.0.1:{self.grpc}",
            "GATEWAY_HTTP": f"127.0.0.1:{self.http}",
            "GATEWAY_PEER_GRPC": f"127.0.0.1:{self.peer}",
            **settings,
        }
        self.program, self.health_path = "", "/"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it wrote to stderr, all starts together."""
        path = self.state / "collector.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def start(self) -> None:
        """Start it and wait until it says that it is healthy."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "collector.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program or binary(), *self._arguments], env=self.settings, cwd=self.state, stdout=log, stderr=log
            )
        try:
            wait_until(self._is_healthy, "the Collector to start")
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop it as an operator does, and wait until it is gone."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        process.wait(_DEADLINE)

    def _is_healthy(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            pytest.fail(f"the Collector ended:\n{self.log[-3000:]}")
        try:
            with urlopen(f"http://127.0.0.1:{self._health}{self.health_path}", timeout=1) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False


def lines(path: Path) -> list[dict[str, Any]]:
    """The requests that a file exporter has written so far, whole lines only.

    One that was killed leaves a line without its end, on which the next one goes on.
    """
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [each for line in whole.splitlines() for each in _documents(line)]


def _documents(line: str) -> Iterator[dict[str, Any]]:
    *earlier, last = filter(None, _BEGIN.split(line))
    for document in earlier:
        with suppress(json.JSONDecodeError):  # it was torn
            yield json.loads(document)
    yield json.loads(last)


def spans(*requests: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every span of OTLP JSON requests."""
    for request in requests:
        for resource in request.get("resourceSpans", ()):
            for scope in resource["scopeSpans"]:
                yield from scope["spans"]


def records(*requests: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every log record of OTLP JSON requests."""
    for request in requests:
        for resource in request.get("resourceLogs", ()):
            for scope in resource["scopeLogs"]:
                yield from scope["logRecords"]


def plain(attributes: list[dict[str, Any]]) -> dict[str, object]:
    """OTLP JSON attributes as a dictionary of Python values."""
    return {attribute["key"]: _value(attribute["value"]) for attribute in attributes}


def _value(value: Mapping[str, Any]) -> object:
    for kind, found in value.items():
        if kind == "intValue":
            return int(found)
        if kind == "arrayValue":
            return [_value(item) for item in found.get("values", ())]
        return found
    return None


def points(requests: list[dict[str, Any]]) -> list[tuple[str, dict[str, object], float]]:
    """Name, attributes and value of each data point of a sum."""
    return [
        (metric["name"], plain(point["attributes"]), float(point.get("asInt", point.get("asDouble"))))
        for one in requests
        for resource in one.get("resourceMetrics", ())
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
        for point in metric.get("sum", {}).get("dataPoints", [])
    ]


def total(found: list[tuple[str, dict[str, object], float]], name: str) -> float:
    """The sum of that metric's data points."""
    return sum(value for metric, _, value in found if metric == name)
