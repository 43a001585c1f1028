"""``agent-telemetry preview``: the events that the spans in a file would become."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._faults import Faults
from otel_agent_telemetry.meaning._from_otlp import read
from otel_agent_telemetry.meaning._replay import replay
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.dialect import Envelope, encode
from otel_agent_telemetry.pipeline.writing.registries import Registries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent

__all__ = ["preview", "totals"]

_STAND_IN_ID = "install_0000000000000000"
_STAND_IN_KEY = b"preview"
_SUMMED = {
    "session.ended": {"agentRuns": "agentRuns"},
    "token.usage": {
        "modelCalls": "modelCalls",
        "modelErrors": "modelErrors",
        "inputTokens": "inputTokens",
        "outputTokens": "outputTokens",
        "cacheReadTokens": "cacheReadTokens",
        "cacheWriteTokens": "cacheWriteTokens",
        "reasoningTokens": "reasoningOutputTokens",
    },
}
_TOTALS = ("sessions", "agentRuns", "workflows", "toolCalls", "toolErrors", *_SUMMED["token.usage"])


@click.command(short_help="Print the events that a file of spans would become.")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one request body per line, exactly as it would be sent.")
@click.option("--dialect", type=click.Choice(["proxy", "docker"]), default="proxy", help="How bodies are written.")
@click.option("--totals", "as_totals", is_flag=True, help="Print one JSON object: what the events add up to.")
def preview(file: str, dialect: str, *, as_json: bool, as_totals: bool) -> None:
    """Print the events that the spans in FILE, and the log records and metrics of coding agents, would become.

    FILE is what `import` reads: OTLP JSON lines, as the OpenTelemetry Collector's file exporter and `agent-telemetry
    export` write them, one document, or a request in protobuf, also gzipped. The name - stands for stdin. Nothing is
    stored or sent; the installation id and the key of the references are stand-ins. Exit code 0, even if broken lines
    were skipped; 1 if FILE cannot be read; 2 if it holds no span.
    """
    spans = read(file)
    faults = Faults(file)
    for broken in spans.broken:
        faults.tell(broken.line, broken.reason)
    faults.close()
    if not spans.spans and not spans.agents:
        raise click.UsageError(f"{file} holds no span; expected OTLP, such as `agent-telemetry export` writes")
    anonymiser = Anonymiser(_STAND_IN_KEY, Registries())
    events = [clean for fact in replay(spans.spans, spans.agents) if (clean := anonymiser.clean(fact)) is not None]
    if as_totals:
        click.echo(json.dumps(totals(events)))
        return
    around = Envelope(
        product=os.environ.get("AGENT_TELEMETRY_PRODUCT") or "agent-service",
        source=os.environ.get("AGENT_TELEMETRY_SOURCE") or "cli",
        environment=os.environ.get("AGENT_TELEMETRY_ENVIRONMENT") or "production",
        installation_id=_STAND_IN_ID,
    )
    for event in events:
        body = encode(dialect, event, around)
        if body is not None:
            click.echo(body.decode() if as_json else f"{event.event.name}  {_shown(body, dialect)}")


def totals(events: Iterable[CleanEvent]) -> dict[str, int]:
    """What events add up to.

    ``sessions`` counts session ids, so several turns of one conversation are one; calls and tokens come from
    ``tool.called`` and ``token.usage``, runs from ``session.ended``. ``toolCalls`` and ``modelCalls`` succeeded.
    """
    sessions: set[object] = set()
    sums = dict.fromkeys(_TOTALS, 0)
    for event in events:
        sessions.update(filter(None, [event.properties.get("sessionId")]))
        for total, number in _counted(event.event.name, event.properties):
            sums[total] += number
    sums["sessions"] = len(sessions)
    return sums


def _counted(name: str, given: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    if name == "workflow.started":
        yield "workflows", 1
    elif name == "tool.called":
        yield ("toolErrors" if given.get("isSuccess") is False else "toolCalls"), 1
    for total, prop in _SUMMED.get(name, {}).items():
        number = given.get(prop)
        if isinstance(number, int):
            yield total, number


def _shown(body: bytes, dialect: str) -> str:
    written = json.loads(body)
    properties = written["records"][0]["properties"] if dialect == "docker" else written["properties"]
    return " ".join(f"{key}={json.dumps(value)}" for key, value in properties.items())
