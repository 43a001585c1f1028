"""Token usage and durations as metrics of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lifecycle.test_outcomes import HostError

if TYPE_CHECKING:
    from tests.lifecycle.acme import Operator

# OpenTelemetry semantic conventions, GenAI metrics: the advised boundaries.
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
ABOUT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5.2",
}


def points(metric: Any) -> list[tuple[dict[str, Any], int, float]]:
    """Attributes, count and sum of each point of a histogram."""
    return [(dict(point.attributes), point.count, point.sum) for point in metric.data.data_points]


def test_names_units_and_buckets(operator: Operator) -> None:
    """The instruments are those of the semantic conventions, with their units and bucket boundaries."""
    operator.calls.record_tokens("gpt-5.2", input=10, output=5)
    metrics = operator.metrics()
    assert {name: (each.unit, each.data.data_points[0].explicit_bounds) for name, each in metrics.items()} == {
        "gen_ai.client.token.usage": ("{token}", TOKENS),
        "gen_ai.client.operation.duration": ("s", SECONDS),
    }


def test_tokens_are_counted(operator: Operator) -> None:
    """Input and output tokens of each call, direct or recorded on its handle, add up by model and type."""
    operator.calls.record_tokens("gpt-5.2", input=10, output=5, provider="openai")
    with operator.calls.model_call("gpt-5.2", provider="openai") as call:
        call.record(input=100, output=50, cache_read=40, reasoning=20)
    metrics = operator.metrics()
    assert points(metrics["gen_ai.client.token.usage"]) == [
        ({**ABOUT, "gen_ai.token.type": "input"}, 2, 110),
        ({**ABOUT, "gen_ai.token.type": "output"}, 2, 55),
    ]


def test_a_failed_call_has_a_duration(operator: Operator) -> None:
    """A call that failed before it used anything counts as a duration with the error's type."""
    with pytest.raises(HostError), operator.calls.model_call("gpt-5.2", provider="openai"):
        raise HostError
    metrics = operator.metrics()
    ((about, count, _),) = points(metrics["gen_ai.client.operation.duration"])
    assert (about, count) == ({**ABOUT, "error.type": f"{HostError.__module__}.HostError"}, 1)
    assert "gen_ai.client.token.usage" not in metrics


def test_the_response_model(operator: Operator) -> None:
    """The model that answered is on both metrics beside the one that was asked for."""
    with operator.calls.model_call("gpt-5.2", provider="openai") as call:
        call.record(input=1, response_model="gpt-5.2-2026-01-01")
    about = {**ABOUT, "gen_ai.response.model": "gpt-5.2-2026-01-01"}
    metrics = operator.metrics()
    assert points(metrics["gen_ai.client.token.usage"]) == [({**about, "gen_ai.token.type": "input"}, 1, 1)]
    assert points(metrics["gen_ai.client.operation.duration"])[0][0] == about


def test_other_runs_have_no_metric(operator: Operator) -> None:
    """A session, task, tool call, agent run, command or workflow is no model call."""
    calls = operator.calls
    with calls.session(), calls.task(), calls.agent("a"), calls.tool("t"), calls.command("c"), calls.workflow("w"):
        pass
    assert operator.metrics() == {}


@pytest.mark.parametrize("wrong", [-1, 1.5, float("nan"), "10", True, b"1", None, [1]], ids=repr)
def test_what_is_no_count(operator: Operator, wrong: Any) -> None:
    """A count of tokens that is none is left out; what is right beside it stays."""
    operator.calls.record_tokens("gpt-5.2", input=wrong, output=5, provider="openai")
    metric = operator.metrics()["gen_ai.client.token.usage"]
    assert points(metric) == [({**ABOUT, "gen_ai.token.type": "output"}, 1, 5)]
