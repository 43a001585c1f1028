"""Celery with a real prefork worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("celery")

TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "fail": "create_task fail ok\n  task fail error",
    "retry": "create_task retry ok\n  task retry retried\n  task retry ok",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
    "replace": "create_task replace ok\n  task replace retried\n  task succeed ok",
    "sleep": "create_task sleep ok\n  task sleep abandoned\n  task.cancelled ok",
    "wait": "create_task wait ok\n  task.cancelled ok",
    "expire": "create_task expire ok\n  task.cancelled ok",
    "too_long": "create_task too_long ok\n  task too_long abandoned\n  task.failed ok",
    "reject": "create_task reject ok\n  task reject abandoned\n  task.failed ok",
    "ignore": "create_task ignore ok\n  task ignore ok",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A worker that ran a task of each kind and was stopped."""
    with Program(home=tmp_path_factory.mktemp("celery")) as program:
        worker = program.start("celery", "--app", "celery_app", "worker", "--concurrency", "2", "--loglevel", "info")
        assert program.run("-m", "celery_publish") == 0
        assert program.stop(worker) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_task_is_one_trace(story: Program, name: str) -> None:
    """Publishing, running and what ends a task are one trace, whichever processes they happen in."""
    assert tree(story.spans, f"create_task {name}") == TREES[name]


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried and whoever ended it."""
    assert story.counted() == {
        "server.started": 1,
        "server.shutdown": 1,
        "task.created": 13,
        "task.started": 11,
        "task.claimed": 10,
        "task.completed": 7,
        "task.failed": 3,
        "task.cancelled": 3,
        "task.session_completed": 1,
        "session.started": 1,
        "session.ended": 1,
    }


def test_who_works_on_what(story: Program) -> None:
    """A task tells its priority and the agent that was at work in it; the agent's session tells the task."""
    [session] = [each["properties"] for each in story.events if each["event"] == "session.started"]
    task = {
        each["event"]: each["properties"]
        for each in story.events
        if each["event"].startswith("task.") and each["properties"]["taskId"] == session["taskId"]
    }
    assert task["task.created"]["priority"] == 7
    assert task["task.failed"]["agentId"] == session["agentId"]
    [ended] = [each["properties"] for each in story.events if each["event"] == "session.ended"]
    assert ended["taskId"] == session["taskId"]


def test_the_worker_is_a_server(story: Program) -> None:
    """The worker's main process reports its start and its stop, as a worker."""
    assert [
        (each["event"], each["source"], each["properties"].get("signal"))
        for each in story.events
        if each["event"].startswith("server.")
    ] == [("server.started", "worker", None), ("server.shutdown", "worker", "SIGTERM")]


def test_the_exception_is_the_task_s_own(story: Program) -> None:
    """An exception that Celery replaces in order to pickle it is reported as what it was."""
    (failed,) = [span for span in story.spans if span.name == "task fail"]
    assert failed.attributes["error.type"] == "celery_app.UnpicklableError"


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, all tasks end as they do without us."""
    # Without an exporter, whose thread shutdown() would stop: a second thread in a pool process that is terminated can
    # leave the pool's queue locked, whoever started it.
    with Program(home=tmp_path, variables={"OTEL_EXPORTER_OTLP_ENDPOINT": ""}) as program:
        worker = program.start("-m", "broken", "celery", "--app", "celery_app", "worker", "--concurrency", "2")
        assert program.run("-m", "broken", "celery_publish") == 0
        assert program.stop(worker) == 0
        assert program.counted() == {
            "session.started": 1,
            "session.ended": 1,
        }  # by the agent's span
