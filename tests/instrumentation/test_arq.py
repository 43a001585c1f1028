"""arq with real workers on a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("arq")

TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "fail": "create_task fail ok\n  task fail error",
    "forget": "create_task forget ok\n  task forget ok",
    "unseen": "create_task unseen ok\n  task unseen error",
    "again": "create_task again ok\n  task again retried\n  task again ok",
    "exhaust": "create_task exhaust ok\n  task exhaust retried\n  task exhaust retried\n  task.failed ok",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
    "too_long": "create_task too_long ok\n  task too_long error",
    "sleep": "create_task sleep ok\n  task sleep cancelled",
    "wait": "create_task wait ok\n  task.cancelled ok",
    "nowhere": "create_task nowhere ok\n  task.failed ok",
    "later": "create_task later ok\n  task later ok",
    "expire": "create_task expire ok",
    "once": "create_task once ok\n  task once ok",
    "cron:tick": "create_task cron:tick ok\n  task cron:tick ok",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Program]:
    """A worker that ran a job of each kind and was stopped."""
    with Program(home=tmp_path_factory.mktemp("arq"), variables={"REDIS_URL": redis}) as program:
        worker = program.start("arq", "arq_jobs.EACH")
        assert program.run("-m", "arq_publish") == 0
        assert program.stop(worker) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_job_is_one_trace(story: Program, name: str) -> None:
    """Enqueueing, running and what ends a job are one trace, in both processes."""
    assert tree(story.spans, f"create_task {name}") == TREES[name]


def test_jobs_at_the_same_time_end_each_in_its_own_way(story: Program) -> None:
    """The worker's counters are shared; six jobs that wait for each other still have an outcome each."""
    each = tree(story.spans, "create_task together").split("\ncreate_task")
    assert [one.rpartition(" ")[2] for one in each] == ["ok", "error"] * 3


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried and whoever ended it."""
    assert story.counted() == {
        "server.started": 1,
        "server.shutdown": 1,
        "task.created": 22,
        "task.started": 19,
        "task.claimed": 19,
        "task.completed": 11,
        "task.failed": 9,
        "task.cancelled": 2,
    }


def test_the_worker_is_a_server(story: Program) -> None:
    """The worker reports its start and its stop, as a worker."""
    assert [
        (each["event"], each["source"], each["properties"].get("signal"))
        for each in story.events
        if each["event"].startswith("server.")
    ] == [("server.started", "worker", None), ("server.shutdown", "worker", "SIGTERM")]


def test_the_exception_is_the_job_s_own(story: Program) -> None:
    """What failed is told by the class of its exception."""
    failed = {span.name: span.attributes["error.type"] for span in story.spans if span.is_error}
    assert failed == {
        "task fail": "LookupError",
        "task unseen": "LookupError",
        "task too_long": "TimeoutError",
        "task together": "ArithmeticError",
    }


def test_a_job_outlives_its_worker(tmp_path: Path, redis: str) -> None:
    """A worker that stops gives the job back; another one's run is the next attempt at the same task."""
    with Program(home=tmp_path, variables={"REDIS_URL": redis}) as program:
        first = program.start("arq", "arq_jobs.QUIET")
        publisher = program.start("-m", "arq_publish", "linger")
        program.wait(lambda _: (tmp_path / "lingering").exists())
        assert program.stop(first) == 0
        second = program.start("arq", "arq_jobs.QUIET")
        assert publisher.wait(25) == 0
        assert program.stop(second) == 0
        assert tree(program.spans, "create_task") == "create_task linger ok\n  task linger retried\n  task linger ok"
        assert program.counted("server") == dict.fromkeys(
            ("task.created", "task.started", "task.claimed", "task.completed"), 1
        )


def test_a_serialisation_may_know_arq_s_keys_alone(tmp_path: Path, redis: str) -> None:
    """Where the program's own serialisation takes no carrier, the job travels without it."""
    variables = {"REDIS_URL": redis, "STRICT": "1"}
    with Program(home=tmp_path, variables=variables) as program:
        worker = program.start("arq", "arq_jobs.STRICT")
        assert program.run("-m", "arq_publish", "forget") == 0
        assert program.stop(worker) == 0
        assert program.counted("server") == dict.fromkeys(
            ("task.created", "task.started", "task.claimed", "task.completed"), 1
        )


def test_our_errors_stay_with_us(tmp_path: Path, redis: str) -> None:
    """Where every call of ours raises, all jobs end as they do without us."""
    with Program(home=tmp_path, variables={"REDIS_URL": redis}) as program:
        worker = program.start("-m", "broken", "arq", "arq_jobs.EACH")
        assert program.run("-m", "broken", "arq_publish") == 0
        assert program.stop(worker) == 0
        assert program.counted() == {}
        assert "11 jobs complete ◆ 11 failed ◆ 3 retries ◆ 0 ongoing" in program.printed()
