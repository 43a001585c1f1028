"""Airflow's tasks in the process that its ``dags test`` runs them in."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import PROGRAMS, PYTHON, Program, run_plainly, tree
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

if sys.executable == PYTHON:
    absent("workflows", "make test-workflows")
pytestmark = pytest.mark.timeout(400)

SETTINGS = {"AIRFLOW__CORE__LOAD_EXAMPLES": "false", "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}


TREES = {
    "succeed": ("create_task kinds.succeed ok", "task kinds.succeed ok", "execute_tool look ok"),
    "mapped": ("create_task kinds.mapped ok", "task kinds.mapped ok") * 2,
    "again": ("create_task kinds.again ok", "task kinds.again retried", "task kinds.again ok"),
    "fail": ("create_task kinds.fail ok", "task kinds.fail error"),
    "give_up": ("create_task kinds.give_up ok", "task kinds.give_up error"),
    "skip": ("create_task kinds.skip ok", "task kinds.skip cancelled"),
    "awaited": ("create_task kinds.awaited ok", "task kinds.awaited retried", "task kinds.awaited ok"),
}


@contextmanager
def dag_run(home: Path, *before: str) -> Generator[Program]:
    """What a program that runs the DAG makes of it; ``before`` that program."""
    (home / "dags").mkdir()
    shutil.copy(PROGRAMS / "airflow_dags.py", home / "dags")
    with Program(home=home, variables={**SETTINGS, "AIRFLOW_HOME": str(home)}) as program:
        assert program.plainly("-m", "airflow", "db", "migrate").wait(180) == 0
        assert program.run(*before, "airflow", "dags", "test", "kinds", timeout=200) == 1  # a task has failed
        yield program


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A DAG run with a task of each kind."""
    with dag_run(tmp_path_factory.mktemp("airflow")) as program:
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_task_has_its_tries(story: Program, name: str) -> None:
    """Each task is created once and has a span for each try, in one trace."""
    lines = [line.strip() for line in tree(story.spans).splitlines()]
    found = [line for line in lines if f"kinds.{name} " in line or (name == "succeed" and "execute_tool" in line)]
    assert tuple(found) == TREES[name]
    assert len({span.trace_id for span in story.spans if f"kinds.{name}" in span.name}) == 1


def test_events_follow(story: Program) -> None:
    """A try that is repeated, or was rescheduled, neither ends a task nor begins another."""
    assert story.counted("command", "tool") == {
        "task.created": 8,
        "task.claimed": 8,
        "task.started": 8,
        "task.completed": 5,
        "task.failed": 2,
        "task.cancelled": 1,
    }


def test_a_task_has_its_priority(story: Program) -> None:
    """The weight that a task has in its pool is told as it is created."""
    assert story.priorities() == {1: 7, 7: 1}


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, the DAG run ends as it does without us."""
    with dag_run(tmp_path, "-m", "broken") as program:
        assert program.counted() == {}


def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path) -> None:
    """Instrumented, it is another object; uninstrumented, the very same; and so a second time."""
    variables = {**SETTINGS, "AIRFLOW_HOME": str(tmp_path)}
    expression = "airflow.sdk.execution_time.task_runner:run"
    found = run_plainly("hooked", "airflow", expression, home=tmp_path, variables=variables, timeout=120)
    assert json.loads(found.splitlines()[-1]) == [True, True, True, True]
