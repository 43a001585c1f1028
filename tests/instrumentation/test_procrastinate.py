"""Procrastinate with real workers on a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.instrumentation.program import Program, needs, run_plainly, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("procrastinate", "psycopg")

import psycopg  # noqa: E402 - where it is missing, the tests above have ended

TREES = {
    "coroutine": "create_task coroutine ok\n  task coroutine ok",
    "locked": "create_task locked ok",
    "half_locked": "create_task half_locked ok\n  task half_locked ok",
    "fail": "create_task fail ok\n  task fail error",
    "again": "create_task again ok\n  task again retried\n  task again ok",
    "exhaust": "create_task exhaust ok\n  task exhaust retried\n  task exhaust error",
    "abort": "create_task abort ok\n  task abort cancelled",
    "cancelled": "create_task cancelled ok\n  task.cancelled ok",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
    "succeed": "create_task succeed ok\n  task succeed ok\n" * 2,
    "twice": "create_task twice ok\n  task.cancelled ok\n" * 2,
}
WORKER = ("procrastinate", "--app", "procrastinate_jobs.app", "worker", "--concurrency", "4")


@pytest.fixture
def database(postgres: str) -> str:
    """A database with Procrastinate's tables."""
    name = f"p{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue] - made above
    return postgres.replace("dbname=postgres", f"dbname={name}")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Program]:
    """A worker that ran a job of each kind and was stopped."""
    variables = {"POSTGRES": postgres}
    with Program(home=tmp_path_factory.mktemp("procrastinate"), variables=variables) as program:
        assert program.run(*WORKER[:3], "schema", "--apply", timeout=60) == 0
        worker = program.start(*WORKER)
        assert program.run("-m", "procrastinate_publish", timeout=90) == 0
        assert program.stop(worker, timeout=40) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_job_is_one_trace(story: Program, name: str) -> None:
    """Deferring, running and what ends a job are one trace, but where the program has both locks for itself."""
    found = tree(story.spans, f"create_task procrastinate_jobs.{name}")
    assert found.replace("procrastinate_jobs.", "") == TREES[name].strip()


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried."""
    assert story.counted("command") == {
        "server.started": 1,
        "server.shutdown": 1,
        "task.created": 14,
        "task.started": 11,
        "task.claimed": 11,
        "task.completed": 8,
        "task.failed": 2,
        "task.cancelled": 4,
    }


def test_a_job_has_its_priority(story: Program) -> None:
    """The priority that a job has in its queue is told as it is created."""
    assert story.priorities() == {0: 13, 7: 1}


def test_a_job_outlives_its_worker(tmp_path: Path, database: str) -> None:
    """What was running as its worker was killed is one task with the attempt that another worker makes."""
    with Program(home=tmp_path, variables={"POSTGRES": database}) as program:
        run_plainly("procrastinate", *WORKER[1:3], "schema", "--apply", home=tmp_path, variables=program.environment())
        first = program.start(*WORKER)
        assert program.run("-m", "procrastinate_publish", "linger", timeout=60) == 0
        program.wait(lambda _: (tmp_path / "lingering").exists(), timeout=40)
        first.kill()
        first.wait()
        run_plainly("procrastinate_retry", home=tmp_path, variables=program.environment())
        second = program.start(*WORKER)
        program.wait(lambda _: program.counted("server").get("task.completed") == 1, timeout=60)
        assert program.stop(second, timeout=40) == 0
        assert tree(program.spans, "create_task") == (
            "create_task procrastinate_jobs.linger ok\n  task procrastinate_jobs.linger ok"
        )


def test_our_errors_stay_with_us(tmp_path: Path, database: str) -> None:
    """Where every call of ours raises, all jobs end as they do without us."""
    with Program(home=tmp_path, variables={"POSTGRES": database}) as program:
        run_plainly("procrastinate", *WORKER[1:3], "schema", "--apply", home=tmp_path, variables=program.environment())
        worker = program.start("-m", "broken", *WORKER)
        assert program.run("-m", "broken", "procrastinate_publish", timeout=90) == 0
        assert program.stop(worker, timeout=40) == 0
        assert program.counted() == {}
