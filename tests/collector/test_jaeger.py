from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from tests.collector import fetch
from tests.collector.fleet import send
from tests.collector.running import CONFIGURATIONS, Collector, lines, wait_until
from tests.collector.test_local import TREE, run_app, written
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.jaeger, pytest.mark.timeout(120)]


class Jaeger(Collector):
    """Jaeger, started with jaeger.yaml."""

    def __init__(self, state: Path) -> None:
        self.query = reserved_port()
        self.metrics = reserved_port()
        settings = {"JAEGER_GRPC": f"127.0.0.1:{reserved_port()}", "JAEGER_METRICS": f"127.0.0.1:{self.metrics}"}
        address = f"127.0.0.1:{self.query}"
        super().__init__(state, "jaeger.yaml", JAEGER_DIR=str(state / "spans"), JAEGER_HTTP=address, **settings)
        self.program, self.health_path = str(fetch.jaeger() / "jaeger"), "/status"

    def stop(self) -> None:
        """End it at once: asked politely it takes ten seconds."""
        self.kill()

    def trace(self, name: str) -> list[dict[str, Any]]:
        """The spans of a trace as the query API gives them; none while it is not there."""
        try:
            with urlopen(f"http://127.0.0.1:{self.query}/api/v3/traces/{name}", timeout=5) as answer:
                found = json.load(answer)["result"]
        except OSError:
            return []
        return [one for part in found["resourceSpans"] for scope in part["scopeSpans"] for one in scope["spans"]]

    def services(self) -> list[str]:
        """The services that Jaeger knows."""
        with urlopen(f"http://127.0.0.1:{self.query}/api/services", timeout=5) as answer:
            return json.load(answer)["data"] or []


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    """Jaeger, running."""
    with Jaeger(tmp_path) as running:
        yield running


def comparable(one: dict[str, Any]) -> dict[str, Any]:
    """A span without what is empty and without its flags, which Jaeger does not store; its attributes in order."""
    ordered = sorted(one.get("attributes", []), key=lambda attribute: attribute["key"])
    kept: dict[str, Any] = {**one, "attributes": ordered, "kind": one.get("kind", 0), "status": one.get("status") or {}}
    return {key: value for key, value in kept.items() if value not in ("", [], None) and key != "flags"}


def test_jaeger_accepts_it() -> None:
    """jaeger.yaml is valid for the real binary."""
    command = [fetch.jaeger() / "jaeger", "validate", f"--config={CONFIGURATIONS / 'jaeger.yaml'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_trace_reads_back_span_by_span(jaeger: Jaeger, tmp_path: Path) -> None:
    """What the query API gives for a program's trace is what the program sent, as the file of local.yaml has it."""
    with Collector(tmp_path / "local", "local.yaml") as local:
        run_app(local, "http/protobuf", local.http)
        sent = written(local, len(TREE))
    for one in lines(local.files / "traces.jsonl"):
        send(jaeger, "traces", json.dumps(one).encode())
    trace = sent[0]["traceId"]
    wait_until(lambda: len(jaeger.trace(trace)) == len(TREE), "the trace")
    arrived = {one["spanId"]: comparable(one) for one in jaeger.trace(trace)}
    assert arrived == {one["spanId"]: comparable(one) for one in sent}


def test_a_program_shows_up_and_outlives_a_restart(jaeger: Jaeger) -> None:
    """The service of the zero-code path is in the list, and still is after SIGKILL: traces are on disk."""
    run_app(jaeger, "http/protobuf", jaeger.http)
    wait_until(lambda: jaeger.services() == ["app"], "the service")
    jaeger.kill()
    jaeger.start()
    assert jaeger.services() == ["app"]


def test_the_numbers_of_the_monitor_view_are_there_to_be_scraped(jaeger: Jaeger) -> None:
    """Calls by service and operation are on the page that Prometheus reads."""
    run_app(jaeger, "http/protobuf", jaeger.http)
    line = 'span_name="chat gpt-4o"'
    wait_until(lambda: line in _page(jaeger) and "traces_span_metrics_calls" in _page(jaeger), "the metrics", 90)


def _page(jaeger: Jaeger) -> str:
    with urlopen(f"http://127.0.0.1:{jaeger.metrics}/metrics", timeout=5) as answer:
        return answer.read().decode()
