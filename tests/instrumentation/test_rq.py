"""RQ with real workers on a real Redis."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("rq")

TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "coroutine": "create_task coroutine ok\n  task coroutine ok",
    "fail": "create_task fail ok\n  task fail error",
    "leave": "create_task leave ok\n  task leave error",
    "retry": "create_task retry ok\n  task retry retried\n  task retry ok",
    "exhaust": "create_task exhaust ok\n  task exhaust retried\n  task exhaust error",
    "ask_again": "create_task ask_again ok\n  task ask_again retried\n  task ask_again ok",
    "ask_too_often": "create_task ask_too_often ok\n  task ask_too_often retried\n  task ask_too_often error",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task succeed ok\n      task succeed ok",
    "too_long": "create_task too_long ok\n  task too_long error",
    "die": "create_task die ok\n  task.failed ok",
    "killed_once": "create_task killed_once ok\n  task killed_once ok",
    "sleep": "create_task sleep ok\n  task.cancelled ok",
    "wait": "create_task wait ok\n  task.cancelled ok",
    "drop": "create_task drop ok\n  task.cancelled ok",
    "later": "create_task later ok\n  task later ok",
    "after": "create_task after ok\n  task after ok",
    "one_of_many": "create_task one_of_many ok\n  task one_of_many ok\n" * 2,
    "once": "create_task once ok\n  task once ok",
    "repeat": "create_task repeat ok\n  task repeat ok\n    create_task repeat ok\n      task repeat ok",
    "requeue": "create_task requeue ok\n  task requeue error\ncreate_task requeue ok\n  task requeue ok",
    "at_once": "create_task at_once ok\n  task at_once ok",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Program]:
    """A worker that ran a job of each kind and was stopped."""
    with Program(home=tmp_path_factory.mktemp("rq"), variables={"REDIS_URL": redis}) as program:
        worker = program.start("rq", "worker", "--url", redis, "--with-scheduler")
        assert program.run("-m", "rq_publish", timeout=60) == 0
        assert program.stop(worker) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_job_is_one_trace(story: Program, name: str) -> None:
    """Enqueueing, running and what ends a job are one trace, whichever processes they happen in."""
    assert tree(story.spans, f"create_task rq_jobs.{name}").replace("rq_jobs.", "") == TREES[name].strip()


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried and whoever ended it."""
    assert story.counted() == {
        "server.started": 1,
        "server.shutdown": 1,
        "task.created": 26,
        "task.started": 24,
        "task.claimed": 23,
        "task.completed": 16,
        "task.failed": 7,
        "task.cancelled": 3,
    }


def test_the_worker_is_a_server(story: Program) -> None:
    """The worker's main process reports its start and its stop, as a worker; work horses say neither."""
    assert [
        (each["event"], each["source"], each["properties"].get("signal"))
        for each in story.events
        if each["event"].startswith("server.")
    ] == [("server.started", "worker", None), ("server.shutdown", "worker", "SIGTERM")]


def test_the_exception_is_the_job_s_own(story: Program) -> None:
    """What failed is told by the class of its exception; what RQ alone decided by a name."""
    assert {
        span.name.removeprefix("task rq_jobs."): span.attributes["error.type"] for span in story.spans if span.is_error
    } == {
        "fail": "LookupError",
        "leave": "SystemExit",
        "exhaust": "ConnectionError",
        "ask_too_often": "MaxRetriesExceeded",
        "too_long": "rq.timeouts.JobTimeoutException",
        "requeue": "LookupError",
    }


@pytest.mark.parametrize("kind", ["rq.SimpleWorker", "rq.worker.SpawnWorker"])
def test_each_class_of_worker_reports(tmp_path: Path, redis: str, kind: str) -> None:
    """A worker without a work horse, and one that spawns it, report as one that forks it does."""
    with Program(home=tmp_path, variables={"REDIS_URL": redis}) as program:
        worker = program.start("rq", "worker", "--url", redis, "--worker-class", kind)
        assert program.run("-m", "rq_publish", "delegate", "fail") == 0
        assert program.stop(worker) == 0
        assert tree(program.spans, "create_task rq_jobs.delegate").replace("rq_jobs.", "") == TREES["delegate"]
        assert tree(program.spans, "create_task rq_jobs.fail").replace("rq_jobs.", "") == TREES["fail"]
        assert {each["source"] for each in program.events if each["event"] == "task.started"} == {"worker"}


def test_each_worker_of_a_pool_is_a_server(tmp_path: Path, redis: str) -> None:
    """A pool's workers each report their start and stop, and the jobs that they run at the same time."""
    with Program(home=tmp_path, variables={"REDIS_URL": redis}) as program:
        pool = program.start("rq", "worker-pool", "--url", redis, "--num-workers", "2")
        assert program.run("-m", "rq_publish", *(["succeed"] * 6)) == 0
        assert program.stop(pool) == 0
        assert program.counted() == {
            "server.started": 2,
            "server.shutdown": 2,
            **dict.fromkeys(("task.created", "task.started", "task.claimed", "task.completed"), 6),
        }


def test_who_finds_a_job_abandoned_reports_it(tmp_path: Path, redis: str) -> None:
    """A job whose worker was killed has failed once a registry's maintenance finds it."""
    with Program(home=tmp_path, variables={"REDIS_URL": redis}) as program:
        worker = program.start("rq", "worker", "--url", redis)
        publisher = program.start("-m", "rq_publish", "linger")
        program.wait(lambda _: (tmp_path / "lingering").exists() and (tmp_path / "lingering").read_text("utf-8"))
        worker.kill()
        os.kill(int((tmp_path / "lingering").read_text("utf-8")), signal.SIGKILL)
        assert program.run("-m", "rq_clean") == 0
        assert publisher.wait(20) == 0
        assert tree(program.spans, "create_task") == "create_task rq_jobs.linger ok\n  task.failed ok"


def test_our_errors_stay_with_us(tmp_path: Path, redis: str) -> None:
    """Where every call of ours raises, all jobs end as they do without us."""
    with Program(home=tmp_path, variables={"REDIS_URL": redis}) as program:
        worker = program.start("-m", "broken", "rq.cli", "worker", "--url", redis, "--with-scheduler")
        assert program.run("-m", "broken", "rq_publish", timeout=60) == 0
        assert program.stop(worker) == 0
        assert program.counted() == {}
