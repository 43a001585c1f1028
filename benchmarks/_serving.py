"""What a request costs a service: one that is started as it is, under ``run``, and with OpenTelemetry's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import _environments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _sink import Sink

__all__ = ["WAYS", "request_ms"]

_SERVICE = str(Path(__file__).parent / "programs" / "service.py")
_MODEL = _environments.ROOT / "examples" / "scripted_model.py"
_WARM_UP, _REQUESTS = 20, 100
_RUN = ("-m", "otel_agent_telemetry", "run", "--")

WAYS = (
    "plain",
    "opted out",
    "events",
    "events in batches",
    "OTLP",
    "events in batches and OTLP",
    "events and OTLP",
    "upstream with OTLP",
)


def request_ms(way: str, sink: Sink) -> float:
    """Processor time of one request in the service's process, all its threads included."""
    with _model() as model, _started(way, {"MODEL_URL": model, **_settings(way, sink)}) as service:
        for _ in range(_WARM_UP):
            _asked(service, "POST", "/ask")
        before = _asked(service, "GET", "/seconds")
        for _ in range(_REQUESTS):
            _asked(service, "POST", "/ask")
        return (_asked(service, "GET", "/seconds") - before) / _REQUESTS * 1e3


def _settings(way: str, sink: Sink) -> dict[str, str]:
    events = {"AGENT_TELEMETRY_PRODUCT": "bench", "AGENT_TELEMETRY_ENDPOINT": sink.url, "AGENT_TELEMETRY_NOTICE": "0"}
    otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url}
    return {
        **({"DO_NOT_TRACK": "1"} if way == "opted out" else {}),
        **(events if "events" in way else {}),
        **(otlp if "OTLP" in way else {}),
    }


@contextmanager
def _model() -> Iterator[str]:
    """A scripted model's address."""
    with subprocess.Popen([sys.executable, str(_MODEL), "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@contextmanager
def _started(way: str, variables: Mapping[str, str]) -> Iterator[HTTPConnection]:
    """A connection to the service."""
    python = _environments.python("service")
    under = () if way == "plain" or "upstream" in way else (*_RUN, python)
    told = [word for word in ("upstream", "batches") if word in way]
    command = (python, *under, _SERVICE, *told)
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "XDG_STATE_HOME": home, **variables}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                with closing(HTTPConnection("127.0.0.1", int(process.stdout.readline()))) as connection:
                    yield connection
            finally:
                process.terminate()


def _asked(service: HTTPConnection, method: str, path: str) -> float:
    """The number that it answers with, 0 for a text."""
    service.request(method, path)
    answer = service.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    told: object = json.loads(body)
    return told if isinstance(told, float) else 0.0
