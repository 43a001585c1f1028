"""Dramatiq with a real worker command: two processes, two threads each, on a real Redis server."""

from __future__ import annotations

from signal import SIGHUP, SIGTERM
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, run_plainly, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("dramatiq", "redis")

WORKER = ("dramatiq", "dramatiq_app", "--processes", "2", "--threads", "2")

SERVER = [("server.started", "worker"), ("server.shutdown", "worker")]

TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "fail": "create_task fail ok\n  task fail error",
    "async_fail": "create_task async_fail ok\n  task async_fail error",
    "refuse": "create_task refuse ok\n  task refuse error",
    "retry": "create_task retry ok\n  task retry retried\n  task retry ok",
    "exhaust": "create_task exhaust ok\n  task exhaust retried\n  task exhaust error",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
    "async_delegate": (
        "create_task async_delegate ok\n  task async_delegate ok\n    create_task succeed ok\n      task succeed ok"
    ),
    "pipe": "create_task pipe ok\n  task pipe ok\n    create_task take ok\n      task take ok",
    "expire": "create_task expire ok\n  task.cancelled ok",
    "skip": "create_task skip ok\n  task skip cancelled",
    "too_long": "create_task too_long ok\n  task too_long error",
    "sleep": "create_task sleep ok\n  task sleep cancelled",
    "unknown": "create_task unknown ok\n  task.failed ok",
}

EVENTS = {
    "server.started": 1,
    "server.shutdown": 1,
    "task.created": 17,
    "task.started": 15,
    "task.claimed": 15,
    "task.completed": 8,
    "task.failed": 6,
    "task.cancelled": 3,
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Program]:
    """A worker that processed a message of each kind and was stopped."""
    with Program(home=tmp_path_factory.mktemp("dramatiq"), variables={"BROKER_URL": redis}) as program:
        worker = program.start(*WORKER)
        assert program.run("-m", "dramatiq_publish") == 0
        assert program.stop(worker) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_message_is_one_trace(story: Program, name: str) -> None:
    """Enqueueing, processing and what ends a message are one trace, whichever processes and threads they happen in."""
    assert tree(story.spans, f"create_task {name}") == TREES[name]


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried and whoever ended it."""
    assert story.counted() == EVENTS


def test_a_message_has_its_priority(story: Program) -> None:
    """The priority that a message has in its queue is told as it is created."""
    assert story.priorities() == {0: 15, 7: 1, None: 1}  # nobody knows the actor of the last


def test_the_time_limit_is_a_timeout(story: Program) -> None:
    """What ran out of time is told from other failures."""
    categories = [each["properties"]["errorCategory"] for each in story.events if each["event"] == "task.failed"]
    assert categories.count("timeout") == 1


def test_the_worker_is_a_server(story: Program) -> None:
    """The command starts and stops once, as a worker, whatever number of processes it has."""
    assert [(each["event"], each["source"]) for each in story.events if each["event"].startswith("server.")] == SERVER


def test_a_publisher_without_telemetry(tmp_path: Path, redis: str) -> None:
    """Messages that carry nothing of ours are run and ended; only those are created that the worker enqueues."""
    variables = {"BROKER_URL": redis}
    with Program(home=tmp_path, variables=variables) as program:
        worker = program.start(*WORKER)
        run_plainly("dramatiq_publish", home=tmp_path, variables=variables)
        assert program.stop(worker) == 0
        assert program.counted() == {**EVENTS, "task.created": 3}


def test_a_reload_is_no_other_server(tmp_path: Path, redis: str) -> None:
    """A command that starts itself anew has started and stopped once."""
    with Program(home=tmp_path, variables={"BROKER_URL": redis}) as program:
        worker = program.start(*WORKER)
        program.wait(lambda _: program.printed().count("Worker process is ready") == 2)
        program.wait_until_handled(worker, SIGHUP)
        worker.send_signal(SIGHUP)
        program.wait(lambda _: program.printed().count("Worker process is ready") == 4)
        program.wait_until_handled(worker, SIGTERM)
        assert program.stop(worker) == 0
        assert program.counted() == {"server.started": 1, "server.shutdown": 1}


def test_spawned_processes_are_one_server(tmp_path: Path, redis: str) -> None:
    """Processes that are spawned rather than forked report as a worker, too."""
    with Program(home=tmp_path, variables={"BROKER_URL": redis}) as program:
        worker = program.start(*WORKER, "--use-spawn")
        program.wait(lambda _: program.printed().count("Worker process is ready") == 2)
        program.wait_until_handled(worker, SIGTERM)
        assert program.stop(worker) == 0
        assert [(each["event"], each["source"]) for each in program.events] == SERVER


def test_a_worker_that_cannot_start_says_nothing(tmp_path: Path) -> None:
    """Where no process can import the actors, no worker started, and the exit code is Dramatiq's own."""
    with Program(home=tmp_path) as program:
        assert program.run("dramatiq", "no_such_module") == 2
        assert program.counted() == {}


def test_switched_on_and_off(tmp_path: Path) -> None:
    """A broker that exists already is seen while instrumented, and only then."""
    with Program(home=tmp_path) as program:
        assert program.run("-m", "dramatiq_inline") == 0
    assert tree(program.spans).splitlines() == [
        "create_task second ok",
        "  task second ok",
        "create_task fourth ok",
        "  task fourth ok",
    ]


def test_our_errors_stay_with_us(tmp_path: Path, redis: str) -> None:
    """Where every call of ours raises, all messages end as they do without us."""
    with Program(home=tmp_path, variables={"BROKER_URL": redis}) as program:
        worker = program.start("-m", "broken", *WORKER)
        assert program.run("-m", "broken", "dramatiq_publish") == 0
        assert program.stop(worker) == 0
        assert program.counted() == {}
