from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest

from tests.collector.fleet import pair, send
from tests.collector.made import model_call, request, trace_id
from tests.collector.running import Collector, lines, spans, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.collector

OUTAGE = 60.0


def keep_sending(agent: Collector, seconds: float) -> set[str]:
    """Send ten spans at a time for so long; the ids of those that the agent accepted."""
    accepted: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        made = [model_call(trace_id()) for _ in range(10)]
        try:
            send(agent, "traces", request(*made))
        except URLError:
            continue
        accepted |= {span["spanId"] for span in made}
        time.sleep(0.05)
    return accepted


def arrived(gateway: Collector) -> list[str]:
    """The ids of the spans that the gateway wrote."""
    return [span["spanId"] for span in spans(*lines(gateway.files / "traces.jsonl"))]


@pytest.mark.timeout(240)
def test_nothing_is_lost_while_the_gateway_is_down_and_the_agent_is_killed(tmp_path: Path) -> None:
    """A minute without a gateway, SIGKILL for the agent in the middle: each accepted span arrives, once."""
    agent, gateway = pair(tmp_path)
    with agent:
        accepted = keep_sending(agent, OUTAGE / 2)
        agent.kill()
        agent.start()
        accepted |= keep_sending(agent, OUTAGE / 2)
        with gateway:
            wait_until(lambda: accepted <= set(arrived(gateway)), f"{len(accepted)} spans to arrive", 60)
    assert len(accepted) > 1000
    assert sorted(arrived(gateway)) == sorted(accepted)


def test_a_gateway_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    """SIGKILL for the gateway, and a new one in its place: what it had not confirmed is sent again."""
    agent, gateway = pair(tmp_path)
    with agent, gateway:
        accepted = keep_sending(agent, 2)
        gateway.kill()
        accepted |= keep_sending(agent, 2)
        gateway.start()
        wait_until(lambda: accepted <= set(arrived(gateway)), f"{len(accepted)} spans to arrive")


def test_a_wrong_token_is_refused(tmp_path: Path) -> None:
    """A gateway takes nothing from an agent that does not know its token."""
    agent, gateway = pair(tmp_path, GATEWAY_TOKEN="another-token")  # noqa: S106 - made up
    with gateway, agent:
        send(agent, "traces", request(model_call(trace_id())))
        wait_until(lambda: "Unauthenticated" in agent.log, "the refusal")
    assert arrived(gateway) == []
