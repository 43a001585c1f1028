"""Huey with real consumers, on a queue in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, run_plainly, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("huey")

TREES = {
    "fail": "create_task fail ok\n  task fail error",
    "again": "create_task again ok\n  task again retried\n  task again ok",
    "exhaust": "create_task exhaust ok\n  task exhaust retried\n  task exhaust error",
    "ask_again": "create_task ask_again ok\n  task ask_again retried\n  task ask_again ok",
    "give_up": "create_task give_up ok\n  task give_up cancelled",
    "locked": "create_task locked ok\n  task locked error",
    "too_long": "create_task too_long ok\n  task too_long error",
    "revoked": "create_task revoked ok\n  task.cancelled ok",
    "succeed": "create_task succeed ok\n  task succeed ok\n" * 2,
    "expire": "create_task expire ok\n  task.cancelled ok",
    "later": "create_task later ok\n  task later ok",
    "first": "create_task first ok\n  task first ok\n    create_task second ok\n      task second ok",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
}
CONSUMER = ("huey_consumer", "huey_app.huey", "-w", "2", "-k", "process")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A consumer with two processes that ran a task of each kind and was stopped."""
    with Program(home=tmp_path_factory.mktemp("huey")) as program:
        consumer = program.start(*CONSUMER)
        assert program.run("-m", "huey_publish", timeout=60) == 0
        assert program.stop(consumer) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_task_is_one_trace(story: Program, name: str) -> None:
    """Enqueueing, running and what ends a task are one trace, whichever processes they happen in."""
    assert tree(story.spans, f"create_task {name}") == TREES[name].strip()


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried."""
    assert story.counted() == {
        "server.started": 1,
        "server.shutdown": 1,
        "task.created": 16,
        "task.started": 14,
        "task.claimed": 14,
        "task.completed": 9,
        "task.failed": 4,
        "task.cancelled": 3,
    }


def test_a_task_has_its_priority(story: Program) -> None:
    """The priority that a task has in its queue is told as it is created."""
    assert story.priorities() == {None: 15, 7: 1}


def test_the_consumer_is_a_server(story: Program) -> None:
    """The main process reports its start and its stop, as a worker; those that it forks say neither."""
    assert [
        (each["event"], each["source"], each["properties"].get("signal"))
        for each in story.events
        if each["event"].startswith("server.")
    ] == [("server.started", "worker", None), ("server.shutdown", "worker", "SIGTERM")]


def test_the_exception_is_the_task_s_own(story: Program) -> None:
    """What failed is told by the class of its exception."""
    assert {span.name: span.attributes["error.type"] for span in story.spans if span.is_error} == {
        "task fail": "LookupError",
        "task exhaust": "ConnectionError",
        "task locked": "huey.exceptions.TaskLockedException",
        "task too_long": "huey.exceptions.TaskTimeout",
    }


def test_threads_report_as_processes_do(tmp_path: Path) -> None:
    """Also where messages are signed and compressed; what a stop interrupts is cancelled."""
    with Program(home=tmp_path, variables={"SIGNED": "1"}) as program:
        consumer = program.start(*CONSUMER[:-1], "thread")
        assert program.run("-m", "huey_publish", "delegate", "again") == 0
        assert program.run("-m", "huey_publish", "only", "linger") == 0
        program.wait(lambda _: (tmp_path / "lingering").exists())
        assert program.stop(consumer) == 0
        assert tree(program.spans, "create_task delegate") == TREES["delegate"]
        assert tree(program.spans, "create_task again") == TREES["again"]
        assert tree(program.spans, "create_task linger") == "create_task linger ok\n  task linger cancelled"


def test_a_worker_that_is_killed_leaves_the_others(tmp_path: Path) -> None:
    """A task whose process is killed was claimed, and nobody says how it ended; the next tasks are as ever."""
    with Program(home=tmp_path) as program:
        consumer = program.start(*CONSUMER)
        assert program.run("-m", "huey_publish", "only", "die") == 0
        program.wait(lambda _: program.counted("server").get("task.claimed") == 1)
        assert program.run("-m", "huey_publish", "succeed") == 0
        assert program.stop(consumer) == 0
        assert program.counted("server") == {
            "task.created": 2,
            "task.claimed": 2,
            "task.started": 2,
            "task.completed": 1,
        }


@pytest.mark.parametrize("variables", [{}, {"SIGNED": "1"}])
def test_a_consumer_without_us_reads_what_it_always_has(tmp_path: Path, variables: dict[str, str]) -> None:
    """What stands behind a message is nothing to it."""
    with Program(home=tmp_path, variables=variables) as program:
        assert program.run("-m", "huey_publish", "only", "succeed") == 0
        assert run_plainly("huey_plain", home=tmp_path, variables=variables).splitlines()[-1] == "done"


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, all tasks end as they do without us."""
    with Program(home=tmp_path) as program:
        consumer = program.start("-m", "broken", "huey.bin.huey_consumer", *CONSUMER[1:])
        assert program.run("-m", "broken", "huey_publish", timeout=60) == 0
        assert program.stop(consumer) == 0
        assert program.counted() == {}
