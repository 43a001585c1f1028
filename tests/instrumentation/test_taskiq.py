"""Taskiq with a real worker command: two processes on a real Redis server."""

from __future__ import annotations

from signal import SIGHUP
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import OURS, Program, needs, run_plainly, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("taskiq", "redis")

WORKER = ("taskiq", "worker", "taskiq_app:broker", "--workers", "2", "--wait-tasks-timeout", "0.1")

NATIVE = "taskiq.middlewares.opentelemetry_middleware"

TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "fail": "create_task fail ok\n  task fail error",
    "retry": "create_task retry ok\n  task retry retried\n  task retry ok",
    "exhaust": "create_task exhaust ok\n  task exhaust retried\n  task exhaust error",
    "requeue": "create_task requeue ok\n  task requeue retried\n  task requeue ok",
    "reject": "create_task reject ok\n  task reject error",
    "hide": "create_task hide ok\n  task hide ok",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
    "work": "create_task work ok\n  task work ok\n    execute_tool search ok",
    "too_long": "create_task too_long ok\n  task too_long error",
    "cancel": "create_task cancel ok\n  task cancel cancelled",
    "sleep": "create_task sleep ok\n  task sleep abandoned",
    "unknown": "create_task unknown ok\n  task.failed ok",
}

EVENTS = {
    "server.started": 1,
    "server.shutdown": 1,
    "task.created": 14,
    "task.started": 13,
    "task.claimed": 13,
    "task.completed": 7,
    "task.failed": 5,
    "task.cancelled": 1,
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Program]:
    """A worker that ran a task of each kind and was stopped."""
    with Program(home=tmp_path_factory.mktemp("taskiq"), variables={"BROKER_URL": redis}) as program:
        worker = program.start(*WORKER)
        assert program.run("-m", "taskiq_publish") == 0
        assert program.stop(worker) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_task_is_one_trace(story: Program, name: str) -> None:
    """Publishing, running and what ends a task are one trace, whichever processes and threads they happen in."""
    assert tree(story.spans, f"create_task {name}") == TREES[name]


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried and whoever ended it."""
    assert story.counted("tool") == EVENTS


def test_a_task_has_its_priority(story: Program) -> None:
    """The priority that a task has in its queue is told as it is created."""
    assert story.priorities() == {None: 13, 7: 1}


def test_the_worker_is_a_server(story: Program) -> None:
    """The command starts and stops once, as a worker, and names the signal, whatever number of processes it has."""
    assert [
        (each["event"], each["source"], each["properties"].get("signal"))
        for each in story.events
        if each["event"].startswith("server.")
    ] == [("server.started", "worker", None), ("server.shutdown", "worker", "SIGTERM")]


def test_the_timeout_is_a_timeout(story: Program) -> None:
    """A task's own timeout is told from its other failures."""
    categories = [each["properties"]["errorCategory"] for each in story.events if each["event"] == "task.failed"]
    assert categories.count("timeout") == 1


def test_nothing_is_shown_twice(story: Program) -> None:
    """Taskiq's own instrumentation, which ``run`` would switch on as well, is left out."""
    needs("psutil")  # without it Taskiq's own does not load
    assert {span.scope for span in story.spans} == {OURS}


@pytest.mark.parametrize(
    ("variables", "events"),
    [({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "agent_taskiq"}, {}), ({"NATIVE": "1"}, EVENTS)],
    ids=["instead", "by the program"],
)
def test_its_own_instrumentation(tmp_path: Path, redis: str, variables: dict[str, str], events: dict[str, int]) -> None:
    """Where ours is disabled, or the program itself asks for it, Taskiq's own is active and doubles no event."""
    needs("psutil")
    with Program(home=tmp_path, variables={"BROKER_URL": redis, **variables}) as program:
        worker = program.start(*WORKER)
        assert program.run("-m", "taskiq_publish") == 0
        assert program.stop(worker) == 0
        assert NATIVE in {span.scope for span in program.spans}
        assert program.counted("tool") == events


def test_a_publisher_without_telemetry(tmp_path: Path, redis: str) -> None:
    """Tasks that carry nothing of ours are run and ended; only those are created that the worker publishes."""
    variables = {"BROKER_URL": redis}
    with Program(home=tmp_path, variables=variables) as program:
        worker = program.start(*WORKER)
        run_plainly("taskiq_publish", home=tmp_path, variables=variables)
        assert program.stop(worker) == 0
        assert program.counted("tool") == {**EVENTS, "task.created": 1}


def test_a_reload_is_no_other_server(tmp_path: Path, redis: str) -> None:
    """A command whose processes are replaced has started and stopped once."""
    with Program(home=tmp_path, variables={"BROKER_URL": redis}) as program:
        worker = program.start(*WORKER)
        program.wait(lambda _: program.printed().count("Listening started") == 2)
        worker.send_signal(SIGHUP)
        program.wait(lambda _: program.printed().count("Listening started") == 4)
        assert program.stop(worker) == 0
        assert program.counted() == {"server.started": 1, "server.shutdown": 1}


def test_switched_on_and_off(tmp_path: Path) -> None:
    """A broker that exists already is seen while instrumented, and only then; a scheduled retry is the same task."""
    with Program(home=tmp_path) as program:
        assert program.run("-m", "taskiq_inline") == 0
    assert tree(program.spans).splitlines() == [
        "create_task second ok",
        "  task second ok",
        "create_task fourth ok",
        "  task fourth ok",
        "create_task retry ok",
        "  task retry retried",
        "  task retry ok",
    ]


def test_our_errors_stay_with_us(tmp_path: Path, redis: str) -> None:
    """Where every call of ours raises, all tasks end as they do without us."""
    with Program(home=tmp_path, variables={"BROKER_URL": redis}) as program:
        worker = program.start("-m", "broken", *WORKER)
        assert program.run("-m", "broken", "taskiq_publish") == 0
        assert program.stop(worker) == 0
        assert program.counted() == {}
