"""FastStream with real workers on a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

needs("faststream")

WORKER = ("faststream", "run", "faststream_app:app")
TREES = {
    "succeed": "create_task succeed ok\n  task succeed ok",
    "channel": "create_task channel ok\n  task channel ok",
    "fail": "create_task fail ok\n  task fail error",
    "nack": "create_task nack ok\n  task nack error",
    "delegate": "create_task delegate ok\n  task delegate ok\n    create_task channel ok\n      task channel ok"
    "\n    create_task answer ok\n      task answer ok\n    create_task succeed ok\n      task succeed ok",
    "again": "create_task again ok\n  task again retried\n  task again ok",
    "reject": "create_task reject ok\n  task reject retried\n  task reject ok",
    "raise": "create_task raise ok\n  task raise retried\n  task raise ok",
    "accept": "create_task accept ok\n  task accept ok",
}


def worker_of(program: Program, home: Path, *before: str) -> subprocess.Popen[bytes]:
    """A worker that has begun to listen."""
    (home / "started").unlink(missing_ok=True)
    worker = program.start(*before, *WORKER)
    program.wait(lambda _: (home / "started").exists(), timeout=40)
    return worker


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Program]:
    """A worker that took a message of each kind and was stopped."""
    home = tmp_path_factory.mktemp("faststream")
    with Program(home=home, variables={"REDIS": redis}) as program:
        worker = worker_of(program, home)
        assert program.run("-m", "faststream_publish", timeout=90) == 0
        assert program.stop(worker, timeout=40) == 0
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_message_is_one_trace(story: Program, name: str) -> None:
    """Publishing, the attempts and what they publish are one trace."""
    assert tree(story.spans, f"create_task {name}") == TREES[name]


def test_events_follow(story: Program) -> None:
    """Each message is created, claimed and ended once, however often it was given back; but those of a batch."""
    assert story.counted("command") == {
        "server.started": 1,
        "server.shutdown": 1,
        "task.created": 12,
        "task.claimed": 14,
        "task.started": 14,
        "task.completed": 12,
        "task.failed": 2,
    }


def test_a_message_outlives_its_worker(tmp_path: Path, redis: str) -> None:
    """What was processed as its worker was killed is one task with the attempt of another worker."""
    with Program(home=tmp_path, variables={"REDIS": redis}) as program:
        first = worker_of(program, tmp_path)
        assert program.run("-m", "faststream_publish", "linger", timeout=60) == 0
        program.wait(lambda _: [*tmp_path.glob("lingering-*.done")], timeout=40)
        first.kill()
        first.wait()
        second = worker_of(program, tmp_path)
        program.wait(lambda _: program.counted().get("task.completed") == 1, timeout=40)
        assert program.stop(second, timeout=40) == 0
        assert tree(program.spans, "create_task linger") == "create_task linger ok\n  task linger ok"


def test_our_errors_stay_with_us(tmp_path: Path, redis: str) -> None:
    """Where every call of ours raises, all messages are processed as they are without us."""
    with Program(home=tmp_path, variables={"REDIS": redis}) as program:
        worker = worker_of(program, tmp_path, "-m", "broken")
        assert program.run("-m", "broken", "faststream_publish", timeout=90) == 0
        assert program.stop(worker, timeout=40) == 0
        assert program.counted() == {}
