"""How a run ends, and what the host sees of it: nothing."""

from __future__ import annotations

import asyncio
import json
import traceback
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind

from tests.lifecycle.acme import Acme, Told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_agent_telemetry import Handle
    from otel_agent_telemetry.lifecycle import Lifecycle
    from tests.lifecycle.acme import Operator

KINDS: dict[str, Callable[[Lifecycle], Handle]] = {
    "session planner": lambda calls: calls.session(agent="planner"),
    "task research": lambda calls: calls.task("research"),
    "execute_tool web_search": lambda calls: calls.tool("web_search"),
    "invoke_agent planner": lambda calls: calls.agent("planner"),
    "chat gpt-5.2": lambda calls: calls.model_call("gpt-5.2"),
    "command run": lambda calls: calls.command("run"),
    "invoke_workflow nightly": lambda calls: calls.workflow("nightly"),
}
KIND = pytest.mark.parametrize("name", KINDS)


class HostError(Exception):
    """An error of the host's own."""


@KIND
def test_a_block_is_a_span(operator: Operator, name: str) -> None:
    """A block that ends well is one span of that name without an error."""
    with KINDS[name](operator.calls):
        pass
    (span,) = operator.spans
    assert (span.name, span.status.is_unset, operator.outcomes) == (name, True, ["ok"])


@KIND
def test_an_asynchronous_block_is_a_span(operator: Operator, name: str) -> None:
    """``async with`` does the same."""

    async def work() -> None:
        async with KINDS[name](operator.calls):
            await asyncio.sleep(0)

    asyncio.run(work())
    assert (operator.names, operator.outcomes) == ([name], ["ok"])


@KIND
def test_an_exception_passes_through(operator: Operator, name: str) -> None:
    """The host gets its own exception object, whose traceback has no frame of ours; it ends as an error."""
    error = HostError("no")
    with pytest.raises(HostError) as raised, KINDS[name](operator.calls):
        raise error
    frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert (raised.value is error, error.__context__, frames) == (True, None, ["test_an_exception_passes_through"])
    assert (operator.outcomes, operator.spans[0].status.is_ok) == (["error"], False)


@KIND
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncio.CancelledError(), "cancelled"),
        (CancelledError(), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (SystemExit(), "ok"),
        (SystemExit(0), "ok"),
        (SystemExit(2), "error"),
        (SystemExit("no"), "error"),
        (ValueError(), "error"),
        (BaseException(), "error"),
    ],
    ids=repr,
)
def test_how_it_ends(operator: Operator, name: str, error: BaseException, expected: str) -> None:
    """Cancellation and interruption are ``cancelled``, a clean exit ``ok``, all else an error; each passes through."""
    with pytest.raises(type(error)) as raised, KINDS[name](operator.calls):
        raise error
    assert (raised.value is error, operator.outcomes) == (True, [expected])


@KIND
def test_a_reader_that_goes_away(operator: Operator, name: str) -> None:
    """A generator that is closed has ended well; a model's stream that is closed before its usage came was given up."""
    with pytest.raises(GeneratorExit), KINDS[name](operator.calls):
        raise GeneratorExit
    assert operator.outcomes == ["cancelled" if operator.spans[0].kind is SpanKind.CLIENT else "left"]


def test_a_stream_that_was_read_to_its_usage(operator: Operator) -> None:
    """Closed after that, the call has ended well."""
    call = operator.calls.model_call("m").start()
    call.record(input=1, output=2)
    call.end(GeneratorExit())
    assert operator.outcomes == ["left"]


def test_the_operator_sees_the_error(operator: Operator) -> None:
    """The span of a failed run carries the error's type, its message as status, and the exception as an event."""
    with pytest.raises(HostError), operator.calls.tool("web_search"):
        raise HostError("the host is down")
    (span,) = operator.spans
    kind = f"{HostError.__module__}.HostError"
    attributes = dict(span.attributes or {})
    event = dict(span.events[0].attributes or {})
    assert attributes == {
        "agent.lifecycle": "tool",
        "agent.outcome": "error",
        "error.type": kind,
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "web_search",
    }
    assert (span.status.description, event["exception.type"]) == ("HostError: the host is down", kind)


ENDINGS: dict[str, tuple[BaseException | None, list[Told]]] = {
    "well": (None, [Told("task.completed", {})]),
    "error": (TimeoutError(), [Told("task.failed", {"errorCategory": "timeout"})]),
    "cancelled": (asyncio.CancelledError(), [Told("task.cancelled", {"previousStatus": "in_progress"})]),
    "exit 0": (SystemExit(0), [Told("task.completed", {})]),
    "exit 2": (SystemExit(2), [Told("task.failed", {"errorCategory": "internal"})]),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_maintainers_see_the_outcome(acme: Acme, ending: str) -> None:
    """A task that ends well is completed, one with an error is failed with a category, a cancelled one is cancelled."""
    error, expected = ENDINGS[ending]
    task = acme.telemetry.task("research", id="t-1", source="slack").start()
    task.end(error)
    told = [Told(each.event, _without(each.properties)) for each in acme.told]
    assert told == [Told("task.created", {}), Told("task.started", {}), *expected]


def _without(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in {"taskId", "source"}}


def test_a_host_whose_errors_cannot_be_printed(operator: Operator) -> None:
    """An exception whose text raises is still the host's own, and the span still ends."""

    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise HostError

    with pytest.raises(UnprintableError), operator.calls.task("research"):
        raise UnprintableError
    assert operator.outcomes == ["error"]


def test_a_session_adds_up(acme: Acme) -> None:
    """What happens in a session is one chain of events, and its end has the totals."""
    with acme.telemetry.session(agent="planner", id="s-1") as session, acme.telemetry.task("research", source="slack"):
        with acme.telemetry.tool("web_search"):
            pass
        acme.telemetry.record_tokens("gpt-5.2", input=1200, output=300, cost_usd=0.013, provider="openai")
    names = acme.names
    (ended,) = [each.properties for each in acme.told if each.event == "session.ended"]
    sums = {name: ended[name] for name in ("tasksProcessed", "toolCalls", "modelCalls", "totalTokens", "totalCostUsd")}
    assert (session.id, sorted(names)) == (
        "s-1",
        [
            "session.cost",
            "session.ended",
            "session.started",
            "task.completed",
            "task.created",
            "task.started",
            "token.usage",
            "tool.called",
        ],
    )
    assert sums == {"tasksProcessed": 1, "toolCalls": 1, "modelCalls": 1, "totalTokens": 1500, "totalCostUsd": 0.013}


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ("proxy", {"isSuccess": True, "errorCount": 1, "errors": ["tool_error"]}),
        ("docker", {"is_success": False, "error_count": 1, "error": ["tool_error"]}),
    ],
)
def test_a_session_that_recovered_from_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: str, told: dict[str, object]
) -> None:
    """In the proxy dialect a session whose tool failed is a success; in the docker dialect it is none."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    acme = Acme(tmp_path, dialect=dialect)
    with acme.telemetry.session():
        acme.telemetry.track_tool("web_search", duration_ms=12, error="tool_error")
    ended = json.loads(acme.bodies[-1])
    properties = ended["properties"] if dialect == "proxy" else ended["records"][0]["properties"]
    assert {name: properties[name] for name in told} == told


def test_started_is_told_when_it_happens(acme: Acme) -> None:
    """A session and a task that still run have been told of."""
    with acme.telemetry.session(), acme.telemetry.task():
        assert acme.names == ["session.started", "task.created", "task.started"]
