"""The operator's OTEL_* settings are his own: whatever they say, the maintainers get the same bytes."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from tests.lifecycle.programs import allowed, run
from tests.recorder import Recorder
from tests.soak.sizes import sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = """
    import logging
    import otel_agent_telemetry as telemetry

    logging.disable()
    telemetry.configure(version="2.3.0", public_tools=["web_search"])
    with telemetry.session(agent="planner", id="s-1"):
        with telemetry.task("research", id="t-1", source="slack", priority=2):
            with telemetry.tool("web_search"):
                pass
            with telemetry.model_call("gpt-5.2", provider="openai") as call:
                call.record(input=1200, output=300, cost_usd=0.013)
    telemetry.server_started(port=80)
    telemetry.flush(30)
"""
# What varies from run to run without any setting: when, how long, and the key by which a repeat is known.
VARYING = re.compile(rb'"occurred_at":"[^"]*"|"durationMs":\d+|"duration_ms":\d+')
OF_THE_RUN = {"Idempotency-Key", "Host", "Content-Length"}
CHOICES: dict[str, list[str]] = {
    "OTEL_SERVICE_NAME": ["payroll", ""],
    "OTEL_RESOURCE_ATTRIBUTES": ["host.name=db7,team=secret", "service.name=x,broken"],
    "OTEL_TRACES_SAMPLER": ["always_off", "parentbased_traceidratio", "nonsense"],
    "OTEL_TRACES_SAMPLER_ARG": ["0.0", "1"],
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ["1", "8", "128"],
    "OTEL_ATTRIBUTE_COUNT_LIMIT": ["2"],
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ["3", "64"],
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": ["2"],
    "OTEL_SPAN_EVENT_COUNT_LIMIT": ["0"],
    "OTEL_SPAN_LINK_COUNT_LIMIT": ["0"],
    "OTEL_BSP_MAX_QUEUE_SIZE": ["1024"],
    "OTEL_BSP_SCHEDULE_DELAY": ["1", "60000"],
    "OTEL_METRIC_EXPORT_INTERVAL": ["100", "600000"],
    "OTEL_METRICS_EXEMPLAR_FILTER": ["always_on", "always_off"],
    "OTEL_METRICS_EXPORTER": ["none", "otlp"],
    "OTEL_TRACES_EXPORTER": ["otlp", "none"],
    "OTEL_LOGS_EXPORTER": ["none"],
    "OTEL_EXPORTER_OTLP_PROTOCOL": ["http/protobuf"],
    "OTEL_EXPORTER_OTLP_HEADERS": ["authorization=Bearer%20x"],
    "OTEL_EXPORTER_OTLP_COMPRESSION": ["gzip"],
    "OTEL_EXPORTER_OTLP_TIMEOUT": ["1"],
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": ["DELTA", "CUMULATIVE"],
    "OTEL_PROPAGATORS": ["none", "tracecontext,baggage"],
    "OTEL_LOG_LEVEL": ["debug"],
    "OTEL_PYTHON_CONTEXT": ["contextvars_context"],
    "OTEL_PYTHON_ID_GENERATOR": ["random"],
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": ["otel,os,process"],
    "OTEL_SEMCONV_STABILITY_OPT_IN": ["gen_ai_latest_experimental"],
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": ["true", "span_only"],
    "OTEL_SDK_DISABLED": ["false"],
}


def chosen(chance: random.Random, collector: str) -> dict[str, str]:
    """Random settings of an operator's."""
    names = chance.sample(sorted(CHOICES), chance.randrange(4, 16))
    settings = {name: chance.choice(CHOICES[name]) for name in names}
    where = chance.choice([None, collector, "http://127.0.0.1:9"])  # nobody, a collector, one that is dead
    return settings if where is None else {**settings, "OTEL_EXPORTER_OTLP_ENDPOINT": where}


def sent(folder: Path, settings: dict[str, str]) -> list[bytes]:
    """What the maintainers get from a run with those settings: headers and bodies, in a fixed order."""
    with Recorder() as sink:
        variables = allowed(folder, AGENT_TELEMETRY_ENDPOINT=f"{sink.url}/v1/events", **settings)
        run(PROGRAM, variables=variables)
        requests = sink.requests
    seen: list[bytes] = []
    for request in requests:
        headers = [(name, "" if name in {"Idempotency-Key", "Host"} else value) for name, value in request.headers]
        seen.append(
            repr([pair for pair in headers if pair[0] != "Content-Length"]).encode() + VARYING.sub(b"", request.body)
        )
    return sorted(seen)


@sizes("ENVIRONMENTS", short=2, long=30)
def test_environments(size: int, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """Under random OTEL_* settings the maintainers get what they get under none, byte for byte."""
    chance = random.Random(size)  # noqa: S311 - the same settings each time
    plain = sent(tmp_path, {})
    different: list[dict[str, str]] = []
    with Recorder() as collector:
        for _ in range(size):
            settings = chosen(chance, collector.url)
            if sent(tmp_path, settings) != plain:
                different.append(settings)
    assert (different, len(plain)) == ([], 9)
    figure(f"{size} random OTEL_* environments", f"{len(plain)} requests each, the same bytes in all")
