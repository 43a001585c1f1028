"""Temporal with a real server, worker and client."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, tree
from tests.instrumentation.temporal_server import TemporalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

needs("temporalio")

pytestmark = pytest.mark.temporal

ENDED = """\
Succeed done
Fail ActivityError
Refuse ActivityError
Retry done
Exhaust done
Block ActivityError
Local done
Delegate done
Continue done
Think done
Again done
Signalled done
Wait CancelledError
HandOver done
Twice done
Updated done
"""

SUCCEEDED = """\
    create_task succeed ok
      task succeed ok"""
THOUGHT = """\
    create_task think ok
      task think ok"""


def workflow(name: str, outcome: str, *inside: str) -> str:
    """The tree of a workflow that a client starts and one run closes."""
    ended = "completed" if outcome == "ok" else "failed"
    lines = (f"create_task {name} ok", f"  task {name} {outcome}", "    workflow.started ok", *inside)
    return "\n".join((*lines, f"    workflow.{ended} ok"))


JOINED = """\
task Signalled ok
  workflow.started ok
  create_task succeed ok
    task succeed ok
  create_task think ok
    task think ok
  workflow.completed ok"""
TREES = {
    "create_task Succeed": workflow("Succeed", "ok", SUCCEEDED),
    "create_task Fail": workflow("Fail", "error", "    create_task fail ok\n      task fail error"),
    "create_task Refuse": workflow("Refuse", "error", "    create_task refuse ok\n      task refuse error"),
    "create_task Retry": workflow(
        "Retry", "ok", "    create_task retry ok\n      task retry retried\n      task retry ok"
    ),
    "create_task Exhaust": workflow(
        "Exhaust", "ok", "    create_task exhaust ok\n      task exhaust retried\n      task exhaust error"
    ),
    "create_task Block": workflow(
        "Block", "error", "    create_task block ok\n      task block abandoned\n      task.failed ok"
    ),
    "create_task Local": workflow(
        "Local", "ok", "    create_task retry ok\n      task retry retried\n      task retry ok"
    ),
    "create_task Delegate": workflow(
        "Delegate", "ok", *(f"    {line}" for line in workflow("Succeed", "ok", SUCCEEDED).splitlines())
    ),
    "create_task Continue": """\
create_task Continue ok
  task Continue retried
    workflow.started ok
    workflow.completed ok
  task Continue ok
    workflow.started ok
    workflow.completed ok""",
    "create_task Think": workflow("Think", "ok", THOUGHT),
    "create_task Again": """\
create_task Again ok
  task Again retried
    workflow.started ok
    workflow.failed ok
  task Again ok
    workflow.started ok
    workflow.completed ok""",
    "task Signalled": f"{JOINED}\n{JOINED}",
    "create_task Wait": workflow("Wait", "cancelled", "    create_task wait ok\n      task wait cancelled"),
    "create_task HandOver": workflow("HandOver", "ok", "    create_task hand_over ok\n      task hand_over abandoned"),
    "create_task Signalled": workflow("Signalled", "ok", SUCCEEDED, THOUGHT)
    + "\ncreate_task Signalled ok\n  task.cancelled ok",
}
COUNTED = {
    "server.started": 1,
    "server.shutdown": 1,
    "workflow.started": 19,
    "workflow.completed": 14,
    "workflow.failed": 5,
    "task.created": 35,
    "task.claimed": 32,
    "task.started": 34,
    "task.completed": 24,
    "task.failed": 7,
    "task.cancelled": 3,
}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a server without any workflow."""
    with TemporalServer(tmp_path) as server:
        yield server.address


def start_worker(program: Program, home: Path, *command: str) -> Popen[bytes]:
    """A worker that takes work."""
    ready = home / "ready"
    ready.unlink(missing_ok=True)
    worker = program.start(*(command or ("-m", "temporal_app")))
    program.wait(lambda _: ready.exists(), timeout=60)
    return worker


def run_all(program: Program, home: Path) -> None:
    """A worker runs a workflow of each kind and is stopped."""
    worker = start_worker(program, home)
    assert program.run("-m", "temporal_start", timeout=60) == 0
    assert program.stop(worker) == 0


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A worker that ran a workflow of each kind and was stopped."""
    home = tmp_path_factory.mktemp("temporal")
    with TemporalServer(home) as server, Program(home=home, variables={"TEMPORAL_ADDRESS": server.address}) as program:
        run_all(program, home)
        yield program


@pytest.mark.parametrize("root", TREES)
def test_a_workflow_is_one_trace(story: Program, root: str) -> None:
    """A workflow, its activities and their attempts, and what ends each are one trace, wherever they run."""
    assert tree(story.spans, root) == TREES[root]


def test_workflows_end_as_they_do_without_us(story: Program) -> None:
    """What the client learns of its workflows is what they say."""
    assert ENDED in story.printed()


def test_events_follow(story: Program) -> None:
    """Each task is created, started, claimed and ended once, however often it was retried and whoever ended it."""
    assert story.counted() == COUNTED


def test_tasks_have_the_priority_that_temporal_knows(story: Program) -> None:
    """What an activity or a child workflow is given; of a workflow's, its activities have it too."""
    created = [each["properties"] for each in story.events if each["event"] == "task.created"]
    assert sorted(given["priority"] for given in created if "priority" in given) == [2, 2, 4]


def test_the_worker_is_a_server(story: Program) -> None:
    """A worker reports its start and its stop; what a client creates comes from elsewhere."""
    servers = [(each["event"], each["source"]) for each in story.events if each["event"].startswith("server.")]
    assert servers == [("server.started", "worker"), ("server.shutdown", "worker")]


def test_what_an_activity_does_is_below_its_attempt(story: Program) -> None:
    """Spans inside an activity hang below its attempt, also where it runs in a thread."""
    names = {span.id: span.name for span in story.spans}
    inside = Counter((span.name, names[span.parent_id]) for span in story.spans if span.scope == "app")
    assert inside == {("look up", "task succeed"): 5, ("think about", "task think"): 4}


def test_failures_have_the_class_of_the_exception(story: Program) -> None:
    """A failed attempt says which exception ended it; a failed workflow says what is at the root of its failure."""
    errors = {span.name: span.attributes["error.type"] for span in story.spans if span.outcome == "error"}
    assert errors == {
        "task fail": "temporalio.exceptions.ApplicationError",
        "task Fail": "RateLimitError",
        "task refuse": "ValueError",
        "task Refuse": "ValueError",
        "task exhaust": "ConnectionError",
        "task Block": "TimeoutError",
    }


def test_another_worker_takes_over(tmp_path: Path, address: str) -> None:
    """A workflow that goes on in another worker is the same task, and what is replayed for that is not told again."""
    variables = {"TEMPORAL_ADDRESS": address, "UNCACHED": "1"}
    with Program(home=tmp_path, variables=variables) as program:
        for what in ("start", "tell", "ask"):
            worker = start_worker(program, tmp_path)
            assert program.run("-m", "temporal_tell", what, timeout=60) == 0
            assert program.stop(worker) == 0
        lines = tree(program.spans, "create_task").splitlines()
        assert [line for line in lines if line != "  task Signalled abandoned"] == [  # as often as it was handed out
            "create_task Signalled ok",
            "    workflow.started ok",
            *SUCCEEDED.splitlines(),
            *THOUGHT.splitlines(),
            "  task Signalled ok",
            "    workflow.completed ok",
        ]
        assert program.counted("server.") == {
            "workflow.started": 1,
            "workflow.completed": 1,
            **dict.fromkeys(("task.created", "task.claimed", "task.started", "task.completed"), 3),
        }


def test_temporal_s_own_tracing_doubles_nothing(tmp_path: Path, address: str) -> None:
    """Beside Temporal's interceptor the events are the same, and both kinds of spans are in one trace."""
    with Program(home=tmp_path, variables={"TEMPORAL_ADDRESS": address, "TRACED": "1"}) as program:
        worker = start_worker(program, tmp_path)
        assert program.run("-m", "temporal_start", "Fail") == 0
        assert program.stop(worker) == 0
        assert tree(program.spans, "create_task") == TREES["create_task Fail"]
        assert program.counted("server.") == {
            "workflow.started": 1,
            "workflow.failed": 1,
            **dict.fromkeys(("task.created", "task.claimed", "task.started", "task.failed"), 2),
        }
        names = {"StartWorkflow:Fail", "create_task Fail", "task Fail", "task fail", "RunActivity:fail"}
        traces = {span.name: span.trace_id for span in program.spans if span.name in names}
        assert traces == dict.fromkeys(names, traces["StartWorkflow:Fail"])


def test_activities_in_another_process(tmp_path: Path, address: str) -> None:
    """An activity in a process pool is a task as any other, and two workers of one process are one server."""
    with Program(home=tmp_path, variables={"TEMPORAL_ADDRESS": address, "PROCESSES": "1"}) as program:
        worker = start_worker(program, tmp_path)
        assert program.run("-m", "temporal_start", "Think") == 0
        assert program.stop(worker) == 0
        expected = workflow("Think", "ok", "    create_task think ok\n      task think ok")
        assert tree(program.spans, "create_task") == expected
        assert program.counted("task.", "workflow.") == {"server.started": 1, "server.shutdown": 1}


def test_encoded_headers_are_left_alone(tmp_path: Path, address: str) -> None:
    """Where a codec has the headers too, nothing is put there: each attempt stands alone, under one id."""
    with Program(home=tmp_path, variables={"TEMPORAL_ADDRESS": address, "ENCODED": "1"}) as program:
        worker = start_worker(program, tmp_path)
        assert program.run("-m", "temporal_start", "Succeed", "Block") == 0
        assert program.stop(worker) == 0
        assert program.counted("server.") == {
            "workflow.started": 2,
            "workflow.completed": 1,
            "workflow.failed": 1,
            "task.created": 4,
            "task.started": 4,
            "task.completed": 2,
            "task.failed": 2,
        }


def test_our_errors_stay_with_us(tmp_path: Path, address: str) -> None:
    """Where every call of ours raises, all workflows end as they do without us."""
    with Program(home=tmp_path, variables={"TEMPORAL_ADDRESS": address}) as program:
        worker = start_worker(program, tmp_path, "-m", "broken", "temporal_app")
        assert program.run("-m", "broken", "temporal_start", timeout=60) == 0
        assert program.stop(worker) == 0
        assert ENDED in program.printed()
        assert program.counted() == {}
