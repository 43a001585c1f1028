"""What is said around a block of code is on every span in it, here and in other processes, and in no event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.destinations.programs import events_of, settings, spans_of
from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, run
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import json, os, subprocess, sys
import otel_agent_telemetry as telemetry
from opentelemetry import trace
telemetry.configure(version="2.3.0")
tracer = trace.get_tracer("some.client")
"""


@pytest.fixture
def collector() -> Iterator[Recorder]:
    """The operator's collector."""
    with Recorder() as server:
        yield server


def said(recorder: Recorder, *keys: str) -> dict[str, list[Any]]:
    """Span -> what it says under these keys; None for what it does not say."""
    return {span.name: [attributes(span).get(key) for key in keys] for span in spans_of(recorder)}


def attributes(span: Any) -> dict[str, Any]:
    """Those of a span, as plain values."""
    found: dict[str, Any] = {}
    for pair in span.attributes:
        value = getattr(pair.value, pair.value.WhichOneof("value"))
        found[pair.key] = [each.string_value for each in value.values] if hasattr(value, "values") else value
    return found


WITHIN = """
with telemetry.context(user="u-1", tags=["beta", "eu"], tenant="Acme, Łódź", seats=12, trial=True):
    with telemetry.session(agent="planner"), tracer.start_as_current_span("GET /"):
        pass
    with telemetry.context(user="u-2", tags=["vip", "eu"]):
        with tracer.start_as_current_span("inner", attributes={"tenant": "own"}):
            pass
    with tracer.start_as_current_span("after inner"):
        pass
with tracer.start_as_current_span("outside"):
    pass
"""


@pytest.mark.parametrize("events", [True, False], ids=["events on", "events off"])
def test_on_every_span_within(tmp_path: Path, collector: Recorder, *, events: bool) -> None:
    """Ours and those of others; what is nearer wins, tags come together, and a span keeps what it says itself."""
    with Recorder() as proxy:
        run(PROGRAM + WITHIN, variables=settings(tmp_path, proxy if events else None, collector))
    assert said(collector, "user.id", "tag.tags", "tenant", "seats", "trial") == {
        "session planner": ["u-1", ["beta", "eu"], "Acme, Łódź", "12", "true"],
        "GET /": ["u-1", ["beta", "eu"], "Acme, Łódź", "12", "true"],
        "inner": ["u-2", ["beta", "eu", "vip"], "own", "12", "true"],
        "after inner": ["u-1", ["beta", "eu"], "Acme, Łódź", "12", "true"],
        "outside": [None] * 5,
    }


def test_in_no_event(tmp_path: Path) -> None:
    """No byte of an event depends on it."""
    program = (
        PROGRAM
        + """
with telemetry.context(user="u-canary", tags=["t-canary"], tenant="x-canary", **{"gen_ai.agent.name": "n-canary"}):
    with telemetry.session(id="s-1"), telemetry.task("answer", id="t-1"):
        telemetry.record_tokens("gpt-5-mini", input=10, output=2)
"""
    )
    run(program, variables=allowed(tmp_path))
    events = stored(tmp_path)
    assert (len(events) > 4, [body for body in events if b"canary" in body]) == (True, [])


def test_what_spans_are_understood_by_is_left_to_them(tmp_path: Path, collector: Recorder) -> None:
    """A name that verdicts are read from does not come from around: nothing else would be counted for it."""
    program = (
        PROGRAM
        + """
with telemetry.context(**{"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "plan": "free"}):
    with tracer.start_as_current_span("GET /"):
        pass
"""
    )
    with Recorder() as proxy:
        run(program, variables=settings(tmp_path, proxy, collector))
        assert events_of(proxy) == []
    assert said(collector, "gen_ai.operation.name", "gen_ai.usage.input_tokens", "plan") == {
        "GET /": [None, None, "free"]
    }


@pytest.mark.parametrize("way", ["carrier", "environment", "baggage"])
def test_in_other_processes(tmp_path: Path, collector: Recorder, way: str) -> None:
    """It travels in a task's carrier, in the environment of a child, and in the baggage that HTTP clients send."""
    begin = {
        "carrier": "carrier = telemetry.create_task('answer')",
        "environment": "carrier = telemetry.child_environment()",
        "baggage": "carrier = {}; from opentelemetry import propagate; propagate.inject(carrier)",
    }[way]
    goes_on = {
        "carrier": "with telemetry.run_task(json.loads(sys.argv[1])), tracer.start_as_current_span('child'): pass",
        "environment": "with telemetry.session(agent='child'): pass",
        "baggage": "from opentelemetry import propagate\n"
        "with tracer.start_as_current_span('child', propagate.extract(json.loads(sys.argv[1]))): pass",
    }[way]
    child = PROGRAM + goes_on
    program = (
        PROGRAM
        + f"""
with telemetry.context(user="u-1", tags=["beta"], tenant="Łódź = 1; 2"):
    {begin}
child = {child!r}
environment = {{**os.environ, **(carrier if {way == "environment"} else {{}})}}
subprocess.run([sys.executable, "-c", child, json.dumps(carrier)], check=True, env=environment)
"""
    )
    run(program, variables=settings(tmp_path, None, collector))
    found = said(collector, "user.id", "tag.tags", "tenant")
    name = "session child" if way == "environment" else "child"
    assert found[name] == ["u-1", ["beta"], "Łódź = 1; 2"]


@pytest.mark.parametrize(
    "given", ["user=5", "tags=[None, 'x' * 9999]", "x=object()", "tags='beta'", "**{'': '', 'a\\n=;,b': 'ü\\x00'}"]
)
def test_what_it_cannot_carry_is_left_out(tmp_path: Path, collector: Recorder, given: str) -> None:
    """Nothing that is said raises, and the code within runs."""
    program = (
        PROGRAM
        + f"""
with telemetry.context({given}), telemetry.session(agent="planner"):
    print(len(telemetry.create_task("answer")) > 2)
"""
    )
    assert run(program, variables=settings(tmp_path, None, collector)) == "True\n"
    assert "session planner" in said(collector)


def test_off(tmp_path: Path) -> None:
    """Where nothing is collected it is nothing, and imports nothing."""
    program = """
import sys
import otel_agent_telemetry as telemetry
telemetry.configure()
with telemetry.context(user="u-1", tags=["beta"]):
    print(sorted({"opentelemetry", "opentelemetry.sdk"} & {*sys.modules}))
"""
    assert run(program, variables={**allowed(tmp_path), "ANONYMIZED_TELEMETRY": "false"}) == "[]\n"
