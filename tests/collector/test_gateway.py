from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError

import pytest

from tests.collector.fleet import gateways, send_safely
from tests.collector.made import model_call, request, span, trace_id
from tests.collector.running import lines, plain, points, spans, total, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.collector.running import Collector

pytestmark = [pytest.mark.collector, pytest.mark.timeout(120)]

TO_FILES = Path(__file__).with_name("to-files.yaml")
PLAIN, FAILED, SLOW, COSTLY = 400, 60, 20, 20


class Fleet(NamedTuple):
    """Traces sent span by span to either of two gateways, and what each of them kept."""

    sent: dict[str, list[dict[str, Any]]]
    kinds: dict[str, str]
    kept: list[dict[str, set[str]]]
    points: list[tuple[str, dict[str, object], float]]


def trace(kind: str) -> list[dict[str, Any]]:
    """A run of an agent: two model calls, a tool, and around them the agent."""
    name = trace_id()
    return [
        model_call(name),
        model_call(name, tokens=(100, 5000 if kind == "costly" else 20)),
        span(name, name="tool", is_error=kind == "failed", gen_ai__operation__name="execute_tool"),
        span(name, name="run", seconds=90 if kind == "slow" else 0.5, gen_ai__operation__name="invoke_agent"),
    ]


def by_trace(found: Iterable[dict[str, Any]]) -> dict[str, set[str]]:
    """Span ids by trace id."""
    traces: dict[str, set[str]] = defaultdict(set)
    for one in found:
        traces[one["traceId"]].add(one["spanId"])
    return dict(traces)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Two gateways, and 500 traces whose spans went to one or the other."""
    kinds = ["plain"] * PLAIN + ["failed"] * FAILED + ["slow"] * SLOW + ["costly"] * COSTLY
    made = [(kind, trace(kind)) for kind in kinds]
    first, second = gateways(tmp_path_factory.mktemp("fleet"), 2, TO_FILES)
    with first, second:
        scattered: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        for _, parts in made:
            for part in parts:
                scattered[random.random() < 0.5].append(part)  # noqa: S311 - any split will do
        for is_first, parts in scattered.items():
            for start in range(0, len(parts), 50):
                send_safely(first if is_first else second, "traces", request(*parts[start : start + 50]))
        wait_until(lambda: total(_points(first, second), "traces.span.metrics.calls") == 4 * len(made), "all counts")
        wanted = {parts[0]["traceId"] for kind, parts in made if kind != "plain"}
        wait_until(lambda: wanted <= {name for part in _kept(first, second) for name in part}, "all decisions")
    sent = {parts[0]["traceId"]: parts for _, parts in made}
    named = {parts[0]["traceId"]: kind for kind, parts in made}
    return Fleet(sent, named, _kept(first, second), _points(first, second))


def _kept(*instances: Collector) -> list[dict[str, set[str]]]:
    return [by_trace(spans(*lines(instance.files / "traces.jsonl"))) for instance in instances]


def _points(*instances: Collector) -> list[tuple[str, dict[str, object], float]]:
    return [point for instance in instances for point in points(lines(instance.files / "metrics.jsonl"))]


def test_a_trace_is_whole_and_in_one_place(fleet: Fleet) -> None:
    """Wherever its spans came in, all of a kept trace are with one gateway, and both gateways have some."""
    first, second = fleet.kept
    assert first.keys() & second.keys() == set()
    assert first
    assert second
    for name, found in (first | second).items():
        assert found == {part["spanId"] for part in fleet.sent[name]}


@pytest.mark.parametrize("kind", ["failed", "slow", "costly"])
def test_sampling_keeps_what_matters(fleet: Fleet, kind: str) -> None:
    """Every trace with an error, over a minute, or with much output is kept."""
    kept = {name for part in fleet.kept for name in part}
    assert {name for name, its in fleet.kinds.items() if its == kind} - kept == set()


def test_of_the_rest_a_tenth_is_kept(fleet: Fleet) -> None:
    """About ten in a hundred of the plain traces are kept."""
    kept = [name for part in fleet.kept for name in part if fleet.kinds[name] == "plain"]
    assert 0.04 * PLAIN < len(kept) < 0.18 * PLAIN


def test_spans_are_counted_before_sampling(fleet: Fleet) -> None:
    """The metrics of both gateways add up to all spans that were sent, by operation."""
    calls: dict[object, float] = defaultdict(float)
    for name, attributes, value in fleet.points:
        if name == "traces.span.metrics.calls":
            calls[attributes["gen_ai.operation.name"]] += value
    traces = len(fleet.sent)
    assert calls == {"chat": 2 * traces, "execute_tool": traces, "invoke_agent": traces}


def test_tokens_are_summed_before_sampling(fleet: Fleet) -> None:
    """The token sums of both gateways are those of all model calls that were sent, by model."""
    traces = len(fleet.sent)
    models = {
        attributes["gen_ai.request.model"] for name, attributes, _ in fleet.points if name.startswith("agent.tokens")
    }
    assert models == {"gpt-4o"}
    assert total(fleet.points, "agent.tokens.input") == 200 * traces
    assert total(fleet.points, "agent.tokens.output") == 40 * traces + 4980 * COSTLY


def test_a_gateway_takes_nothing_without_its_token(tmp_path: Path) -> None:
    """A request without the token is answered with 401."""
    [gateway] = gateways(tmp_path, 1, TO_FILES)
    with gateway:
        gateway.settings["GATEWAY_TOKEN"] = "wrong"  # noqa: S105 - made up
        with pytest.raises(HTTPError, match="401"):
            send_safely(gateway, "traces", request(model_call(trace_id())))


def test_a_gateway_redacts_what_comes_to_it_directly(tmp_path: Path) -> None:
    """Content is taken out at the gateway too, and what an agent has hashed stays as it is."""
    [gateway] = gateways(tmp_path, 1, TO_FILES, SAMPLING_PERCENT="100")
    hashed = "0123456789abcdef" * 4
    with gateway:
        sent = model_call(trace_id(), gen_ai__conversation__id=hashed, gen_ai__agent__name="Alice", gen_ai__prompt="hi")
        send_safely(gateway, "traces", request(sent))
        wait_until(lambda: [*spans(*lines(gateway.files / "traces.jsonl"))], "the span")
    [arrived] = spans(*lines(gateway.files / "traces.jsonl"))
    attributes = plain(arrived["attributes"])
    name = attributes.pop("gen_ai.agent.name")
    assert (attributes.pop("gen_ai.conversation.id"), len(str(name))) == (hashed, 64)
    assert attributes.keys() == plain(sent["attributes"]).keys() - {
        "gen_ai.conversation.id",
        "gen_ai.agent.name",
        "gen_ai.prompt",
    }


def test_gateways_start_while_kafka_and_clickhouse_are_down(tmp_path: Path) -> None:
    """What they cannot take yet is on disk, and goes on waiting there after SIGKILL."""
    [gateway] = gateways(tmp_path, 1, SAMPLING_PERCENT="100")
    with gateway:
        send_safely(gateway, "traces", request(model_call(trace_id(), gen_ai__response__id="0123456789abcdef" * 4)))
        queue = gateway.state / "queue"
        wait_until(lambda: any(b"0123456789abcdef" * 4 in path.read_bytes() for path in queue.glob("*")), "the queue")
        gateway.kill()
        gateway.start()
    assert any(b"0123456789abcdef" * 4 in path.read_bytes() for path in queue.glob("*"))
