"""The host's random numbers are its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

NUMBERS = """
    import random, sys
    import otel_agent_telemetry as telemetry

    random.seed(42)
    before = random.getstate()
    telemetry.configure()
    with telemetry.session(), telemetry.task(), telemetry.tool("x"):
        telemetry.record_tokens("gpt-5.2", input=1)
    library = telemetry.Telemetry(product="library")
    with library.task():
        pass
    telemetry.flush(5)
    telemetry.shutdown(5)
    print(random.getstate() == before)
"""


def test_the_hosts_numbers(tmp_path: Path, recorder: Recorder) -> None:
    """Spans, events and sending draw nothing from the host's generator."""
    assert run(NUMBERS, variables=allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)) == "True\n"
    assert len(recorder.requests) > 0


def test_the_operators_exporters(tmp_path: Path, recorder: Recorder) -> None:
    """The operator's exporters, which draw their back-off from chance, draw it from elsewhere."""
    variables = allowed(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=recorder.url)
    assert run(NUMBERS, variables=variables) == "True\n"
    assert {request.path for request in recorder.requests} == {"/v1/traces", "/v1/metrics"}


def test_a_host_that_seeds(tmp_path: Path) -> None:
    """Sessions of a host that seeds before each are different ones: each is told, with its own call."""
    program = """
        import random
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        for number in range(5):
            random.seed(42)
            with telemetry.session(id=str(number)):
                telemetry.record_tokens("gpt-5.2", input=100)
    """
    run(program, variables=allowed(tmp_path))
    ended = [body for body in map(json.loads, stored(tmp_path)) if body["event"] == "session.ended"]
    assert [body["properties"]["inputTokens"] for body in ended] == [100] * 5
