"""Tasks that are created in one process and run in another."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry import contract
from tests.lifecycle.acme import Acme, Told, id_of, parent_of, stored
from tests.lifecycle.programs import allowed, result, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lifecycle.acme import Operator


def test_a_carrier(operator: Operator) -> None:
    """A carrier is a plain dictionary of strings: what is known of the task, and W3C trace context."""
    with operator.calls.session(id="s-1"):
        carrier = operator.calls.create_task("research", id="t-1", source="slack")
    created_at, traceparent = carrier.pop("task_created_at"), carrier.pop("traceparent")
    (created, _) = operator.spans
    assert carrier == {"task_id": "t-1", "task_name": "research", "task_source": "slack", "session_id": "s-1"}
    assert (created_at.isdigit(), traceparent[36:52]) == (True, f"{id_of(created):016x}")


def test_the_run_continues_the_trace(operator: Operator) -> None:
    """``run_task`` is a child of the span that created the task, with the same id, name and source."""
    carrier = operator.calls.create_task("research", id="t-1", source="slack")
    with operator.calls.run_task(carrier, agent="planner") as task:
        pass
    created, ran = operator.spans
    attributes = dict(ran.attributes or {})
    assert (task.id, ran.name, parent_of(ran)) == ("t-1", "task research", id_of(created))
    assert attributes.pop("agent.task.created_at") == int(carrier["task_created_at"])
    assert attributes == {
        "agent.lifecycle": "task",
        "agent.task.id": "t-1",
        "agent.task.name": "research",
        "agent.task.source": "slack",
        "gen_ai.agent.name": "planner",
    }


def test_a_task_is_told_of_once(acme: Acme) -> None:
    """Creating tells of the creation, running of the start and the end; all have the same reference."""
    carrier = acme.telemetry.create_task("research", source="slack", priority=2, provider="claude")
    with acme.telemetry.run_task(carrier, agent_id="a-1"):
        pass
    events = acme.told
    task_ids = {each.properties.pop("taskId") for each in events}
    agents = {each.properties.pop("agentId", None) for each in events}
    assert (len(task_ids), len(agents)) == (1, 2)
    assert events == [
        Told("task.created", {"source": "slack", "provider": "claude", "hasParent": False, "priority": 2}),
        Told("task.started", {"source": "slack"}),
        Told("task.completed", {"source": "slack"}),
    ]


def test_tags(acme: Acme) -> None:
    """A task's tags leave as far as the product declared them: any other is ``other``, and 32 at most leave."""
    contract.tag("topic", "billing", "research")
    try:
        acme.telemetry.create_task(tags=["billing", "call Mr Smith", "topic"])
        acme.telemetry.task(tags=["research"] * 40).start().end()
        acme.telemetry.create_task(tags="billing")
        assert [each.properties.get("tags") for each in acme.told if each.event == "task.created"] == [
            ["billing", "other", "other"],
            ["research"] * 32,
            None,
        ]
    finally:
        contract.withdraw("topic")


def test_claimed(acme: Acme) -> None:
    """A run that a worker took from a pool is claimed before it starts."""
    with acme.telemetry.run_task(acme.telemetry.create_task(), claimed=True):
        pass
    assert acme.names == ["task.created", "task.claimed", "task.started", "task.completed"]


def test_a_task_in_a_task_has_a_parent(acme: Acme) -> None:
    """A task that is created inside another one has a parent, unless the caller says otherwise."""
    with acme.telemetry.task():
        acme.telemetry.create_task()
        acme.telemetry.create_task(has_parent=False)
    acme.telemetry.create_task()
    created = [each.properties.get("hasParent") for each in acme.told if each.event == "task.created"]
    assert created == [None, True, False, False]


GIVEN_UP = {
    "cancelled": Told("task.cancelled", {"source": "slack", "previousStatus": "pending"}),
    "superseded": Told("task.superseded", {"source": "slack", "reason": "graceful_shutdown"}),
    "failed": Told("task.failed", {"source": "slack", "errorCategory": "timeout"}),
}


@pytest.mark.parametrize("ending", GIVEN_UP)
def test_given_up(acme: Acme, ending: str) -> None:
    """A task that no run will speak for is cancelled, superseded or failed by its carrier, with its age."""
    calls = acme.telemetry
    carrier = calls.create_task(source="slack")
    if ending == "cancelled":
        calls.cancel_task(carrier, previous_status="pending")
    elif ending == "superseded":
        calls.supersede_task(carrier, reason="graceful_shutdown")
    else:
        calls.fail_task(carrier, TimeoutError())
    properties = json.loads(acme.bodies[-1])["properties"]
    events = acme.told
    references = {each.properties.pop("taskId") for each in events}
    assert (events[1], len(references), properties["durationMs"] >= 0) == (GIVEN_UP[ending], 1, True)


def test_given_up_by_id(acme: Acme) -> None:
    """Where only the id is known, that is enough; no age is known then."""
    acme.telemetry.create_task(id="t-1")
    acme.telemetry.cancel_task("t-1", source="api")
    created, cancelled = (json.loads(body)["properties"] for body in acme.bodies)
    assert cancelled == {"taskId": created["taskId"], "source": "api"}


@pytest.mark.parametrize("carrier", [{}, {"task_id": 3}, {"task_id": None}, None, 7, {"traceparent": "nonsense"}])
def test_a_broken_carrier(acme: Acme, carrier: object) -> None:
    """A carrier that is none breaks nobody: the run is a task of its own, giving it up is not told wrongly."""
    acme.telemetry.cancel_task(carrier)  # pyright: ignore[reportArgumentType] - callers may be untyped
    with acme.telemetry.run_task(carrier) as task:  # pyright: ignore[reportArgumentType] - whatever a queue hands over
        assert task.id
    assert acme.names[-2:] == ["task.started", "task.completed"]
    assert all("taskId" in each.properties for each in acme.told)


WORKER = """
    import json, sys
    import otel_agent_telemetry as telemetry

    telemetry.configure(source="worker")
    with telemetry.run_task(json.loads(sys.argv[1]), claimed=True):
        print(json.dumps(telemetry.child_environment({}).get("TRACEPARENT")))
"""


def test_another_process_runs_it(acme: Acme) -> None:
    """A worker process that gets the carrier continues the trace, and its events have the same task reference."""
    carrier = acme.telemetry.create_task("research", source="slack")
    traceparent = result(WORKER, json.dumps(carrier), variables=allowed(acme.state_dir))
    bodies = [json.loads(body) for body in acme.bodies]
    assert traceparent[:35] == carrier["traceparent"][:35]
    assert [(body["event"], body["source"]) for body in bodies] == [
        ("task.created", "library"),
        ("task.claimed", "worker"),
        ("task.started", "worker"),
        ("task.completed", "worker"),
    ]
    assert len({body["properties"]["taskId"] for body in bodies}) == 1
    assert len({body["actor_anonymous_id"] for body in bodies}) == 1


PARENT = """
    import json, os, subprocess, sys
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    with telemetry.session(), telemetry.tool("harness"):
        environment = telemetry.child_environment()
        child = subprocess.run([sys.executable, "-c", sys.argv[1]], env=environment, check=True, stdout=subprocess.PIPE)
    print(json.dumps([environment["TRACEPARENT"], json.loads(child.stdout), "TRACEPARENT" in os.environ]))
"""
CHILD = """
import json
import otel_agent_telemetry as telemetry

telemetry.configure()
with telemetry.tool("inner") as tool:
    live = tool.live()
    print(json.dumps(["%032x" % live.span.context.trace_id, "%016x" % live.span.parent.span_id]))
"""


def test_a_child_process_continues(tmp_path: Path) -> None:
    """A harness that is started with ``child_environment()`` is part of the caller's trace; ours stays as it was."""
    traceparent, (trace_id, parent_id), leaked = result(PARENT, CHILD, variables=allowed(tmp_path))
    assert (traceparent[3:35], traceparent[36:52], leaked) == (trace_id, parent_id, False)


def test_child_environment(operator: Operator) -> None:
    """It is a copy of the given environment with TRACEPARENT in a span, and a copy of os.environ by default."""
    base = {"A": "1"}
    with operator.calls.tool("harness"):
        inside = operator.calls.child_environment(base)
    assert (inside.keys(), base) == ({"A", "TRACEPARENT"}, {"A": "1"})
    assert (operator.calls.child_environment(base), operator.calls.child_environment()) == (base, dict(os.environ))


NO_SDK = """
    import json
    import otel_agent_telemetry as telemetry

    carrier = telemetry.create_task("research", id="t-1", source="slack")
    with telemetry.session() as session, telemetry.run_task(carrier) as task, telemetry.tool("t"):
        telemetry.record_tokens("gpt-5.2", input=1)
        telemetry.track("no.such", anything=object())
    carrier.pop("task_created_at")
    telemetry.cancel_task(carrier)
    print(json.dumps([carrier, task.id, bool(session.id), telemetry.child_environment({}), telemetry.flush(1)]))
    telemetry.shutdown()
"""


def test_without_any_provider() -> None:
    """Without configure() and without an SDK every call works as a no-op: ids and carriers are there, nothing else."""
    carrier = {"task_id": "t-1", "task_name": "research", "task_source": "slack"}
    assert result(NO_SDK) == [carrier, "t-1", True, {}, True]


OFF = """
    import sys
    before = {*sys.modules}  # what measures coverage uses a database
    import json
    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents")
    carrier = telemetry.create_task("research", id="t-1")
    with telemetry.session() as session, telemetry.run_task(carrier) as task, telemetry.tool("t") as tool:
        tool.fail("x"); tool.cancel(); tool.set(model="m"); tool.record(input=1)
        telemetry.record_tokens("gpt-5.2", input=1)

    @telemetry.tool("t")
    def double(number):
        return 2 * number

    loaded = {name.partition(".")[0] for name in {*sys.modules} - before}
    loaded = sorted(loaded & {"opentelemetry", "requests", "sqlite3"})
    print(json.dumps([carrier, session.id, double(4), telemetry.decision().rule, loaded]))
"""


def test_opted_out(tmp_path: Path) -> None:
    """Opted out, every call is a no-op that works, nothing of OpenTelemetry is imported and no file is written."""
    state = tmp_path / "state"
    variables = {**allowed(state), "DO_NOT_TRACK": "1"}
    assert result(OFF, variables=variables) == [{"task_id": "t-1"}, None, 8, "DO_NOT_TRACK", []]
    assert not state.exists()


SWITCHED = """
    import sys
    import otel_agent_telemetry as telemetry

    @telemetry.task("work")
    def work():
        return telemetry.current_task() is not None

    telemetry.configure(enabled=False)
    off = work()
    telemetry.configure()
    on = work()
    telemetry.shutdown()
    print(off, on, work())
"""


def test_decorated_before_configure(tmp_path: Path) -> None:
    """A function that was decorated before configure() follows what is configured when it is called."""
    assert run(SWITCHED, variables=allowed(tmp_path)).split() == ["False", "True", "False"]
    assert [json.loads(body)["event"] for body in stored(tmp_path)] == [
        "task.created",
        "task.started",
        "task.completed",
    ]
