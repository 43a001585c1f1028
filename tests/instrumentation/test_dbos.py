"""DBOS with real processes on a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("dbos")

TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "coroutine": "create_task coroutine ok\n  task coroutine ok",
    "retry": "create_task retry ok\n  task retry ok",
    "delegate": "create_task delegate ok\n  task delegate ok"
    + "\n    create_task succeed ok\n      task succeed ok" * 3
    + "\ncreate_task delegate_coroutine ok\n  task delegate_coroutine ok"
    + "\n    create_task coroutine ok\n      task coroutine ok" * 2,
    "fail": "create_task fail ok\n  task fail error\ncreate_task fail_coroutine ok\n  task fail_coroutine error",
    "forbidden": "create_task forbidden ok\n  task.failed ok",
    "misfit": "create_task misfit ok\n  task.failed ok",
    "aborted": "create_task aborted ok\n  task aborted cancelled",
    "late": "create_task late ok\n  task late cancelled",
    "cancelled": "create_task cancelled ok\n  task.cancelled ok",
    "family": "create_task family ok\n  task family cancelled\n    create_task orphan ok\n      task.cancelled ok",
    "hurried": "create_task hurried ok\n  task hurried cancelled\n    create_task timed_out ok\n      "
    "task.cancelled ok",
    "once": "create_task once ok\n  task once ok\ncreate_task once ok\n  task.cancelled ok",
}


def database(postgres: str) -> dict[str, str]:
    """The address of a database that DBOS is to make."""
    options = dict(part.split("=", 1) for part in postgres.split())
    return {"DATABASE_URL": f"postgresql://{options['user']}@/d{uuid4().hex}?host={options['host']}"}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Program]:
    """A worker that ran a workflow of each kind and was stopped."""
    home = tmp_path_factory.mktemp("dbos")
    with Program(home=home, variables=database(postgres)) as program:
        worker = program.start("-m", "dbos_worker")
        program.wait(lambda _: (home / "launched").exists(), timeout=60)
        assert program.run("-m", "dbos_publish", timeout=120) == 0
        assert program.stop(worker, timeout=40) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_workflow_is_one_trace(story: Program, name: str) -> None:
    """Starting or enqueueing, running and what ends a workflow are one trace, with the workflows that it starts."""
    assert tree(story.spans, f"create_task {name}") == TREES[name]


def test_events_follow(story: Program) -> None:
    """Each workflow is created and ended once, and claimed only where it comes out of a queue."""
    assert story.counted("command") == {
        "task.created": 24,
        "task.started": 18,
        "task.claimed": 14,
        "task.completed": 12,
        "task.failed": 4,
        "task.cancelled": 8,
    }


def test_a_workflow_has_its_priority(story: Program) -> None:
    """The priority that a workflow has in its queue is told as it is created."""
    assert story.priorities() == {None: 23, 7: 1}


def test_a_workflow_outlives_its_process(tmp_path: Path, postgres: str) -> None:
    """What ran as its process was killed is one task with the execution that recovers it, or that gives it up."""
    with Program(home=tmp_path, variables=database(postgres)) as program:
        first = program.start("-m", "dbos_worker")
        program.wait(lambda _: (tmp_path / "launched").exists(), timeout=60)
        assert program.run("-m", "dbos_publish", "linger", "doomed", timeout=60) == 0
        program.wait(lambda _: (tmp_path / "linger").exists() and (tmp_path / "doomed").exists(), timeout=40)
        first.kill()
        first.wait()
        second = program.start("-m", "dbos_worker")
        ends = {"task.completed": 1, "task.failed": 1}
        program.wait(lambda _: ends.items() <= program.counted("command").items(), timeout=60)
        assert program.stop(second, timeout=40) == 0
        assert tree(program.spans, "create_task linger") == "create_task linger ok\n  task linger ok"
        assert tree(program.spans, "create_task doomed") == "create_task doomed ok\n  task.failed ok"
        assert [span.attributes["agent.task.attempt"] for span in program.spans if span.name == "task linger"] == [2]


def test_our_errors_stay_with_us(tmp_path: Path, postgres: str) -> None:
    """Where every call of ours raises, all workflows end as they do without us."""
    with Program(home=tmp_path, variables=database(postgres)) as program:
        worker = program.start("-m", "broken", "dbos_worker")
        program.wait(lambda _: (tmp_path / "launched").exists(), timeout=60)
        assert program.run("-m", "broken", "dbos_publish", timeout=120) == 0
        assert program.stop(worker, timeout=40) == 0
        assert program.counted() == {}
