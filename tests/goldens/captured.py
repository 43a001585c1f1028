"""What the two real clients send for the calls of a case: the golden has to be that, or it is no golden.

Nothing here asks our product, so a changed golden is seen even where what was changed never leaves us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.goldens.agent_swarm import AgentSwarm, UnsendableError
from tests.goldens.calls import calls_in
from tests.goldens.docker_agent import DockerAgent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.goldens.calls import Call


def calls_of(case: Mapping[str, Any]) -> list[Call]:
    """The calls in order, without the steps of the driver, and with the body that the client makes of each."""
    calls = list(calls_in(case))
    client = AgentSwarm(case) if case["client"] == "agent-swarm" else DockerAgent(case)
    for call in calls:
        try:
            call.theirs = client.body(call)
        except UnsendableError:
            call.theirs = None
    return calls
