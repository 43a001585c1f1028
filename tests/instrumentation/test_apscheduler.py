"""APScheduler with real schedulers: in threads, in a process, in a loop, and with a store between two programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("apscheduler")

CALLER = """\
session ok
  create_task removed ok
    task.cancelled ok
  create_task succeed ok
    task succeed ok
      execute_tool work ok
  create_task fail ok
    task fail error
  create_task leave ok
    task leave error
  create_task missed ok
    task.cancelled ok
  create_task succeed ok
    task succeed ok
      execute_tool work ok
  create_task succeed ok
    task succeed ok
      execute_tool work ok
  create_task removed ok
    task.cancelled ok"""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program with a scheduler that runs a job of each kind."""
    with Program(home=tmp_path_factory.mktemp("apscheduler")) as program:
        assert program.run("-m", "apscheduler_jobs", "background", timeout=90) == 0
        yield program


def test_a_job_that_runs_once_is_one_trace(story: Program) -> None:
    """It is below the code that added it, in a thread and in a process, and not below who started the scheduler."""
    assert tree(story.spans, "session").replace("__main__.", "") == CALLER
    killed = "create_task die ok\n  task.failed ok"
    assert tree(story.spans, "create_task __main__.die").replace("__main__.", "") == killed


def test_each_run_of_a_recurring_job_is_a_task_of_its_own(story: Program) -> None:
    """In a trace of its own, and told as a run of its schedule."""
    assert tree(story.spans, "task") == "\n".join(["task __main__.tick ok"] * 2)
    told = [each["properties"]["scheduleType"] for each in story.events if each["event"] == "schedule.executed"]
    assert told == ["recurring", "recurring"]


def test_events_follow(story: Program) -> None:
    """Each task is created and ended once, whoever ended it; what went with its process was claimed there."""
    assert story.counted("session", "schedule", "tool") == {
        "task.created": 11,
        "task.started": 8,
        "task.claimed": 6,
        "task.completed": 5,
        "task.failed": 3,
        "task.cancelled": 3,
    }


def test_the_exception_is_the_job_s_own(story: Program) -> None:
    """What failed is told by the class of its exception."""
    assert {span.name: span.attributes["error.type"] for span in story.spans if span.is_error} == {
        "task __main__.fail": "LookupError",
        "task __main__.leave": "SystemExit",
    }


def test_a_coroutine_function_stays_one(tmp_path: Path) -> None:
    """It runs in the scheduler's loop."""
    with Program(home=tmp_path) as program:
        assert program.run("-m", "apscheduler_jobs", "loop", timeout=60) == 0
        assert tree(program.spans) == "create_task __main__.coroutine ok\n  task __main__.coroutine ok"


def test_a_stored_job_brings_its_trace_along(tmp_path: Path) -> None:
    """One program adds it to a store, another runs it."""
    with Program(home=tmp_path) as program:
        assert program.run("-m", "apscheduler_jobs", "add", timeout=60) == 0
        assert program.run("-m", "apscheduler_jobs", "run", timeout=60) == 0
        assert tree(program.spans) == "create_task __main__.stored ok\n  task __main__.stored ok"


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, jobs run as they do without us."""
    with Program(home=tmp_path) as program:
        assert program.run("-m", "broken", "apscheduler_jobs", "loop", timeout=60) == 0
        assert program.run("-m", "broken", "apscheduler_jobs", "add", timeout=60) == 0
        assert program.run("-m", "broken", "apscheduler_jobs", "run", timeout=60) == 0
        assert program.counted() == {}
