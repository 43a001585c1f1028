"""Prefect with a real server on a real PostgreSQL, real runners and workers."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.instrumentation.program import PYTHON, Program, answers, run_plainly, tree
from tests.network import reserved_port
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

if sys.executable == PYTHON:
    absent("workflows", "make test-workflows")

pytestmark = pytest.mark.timeout(400)

SETTINGS = {
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
}
CHANGED = (
    *(
        f"prefect.{module}_engine:vars({engine})[{name!r}]"
        for module, engine in (
            ("flow", "FlowRunEngine"),
            ("flow", "AsyncFlowRunEngine"),
            ("task", "SyncTaskRunEngine"),
            ("task", "AsyncTaskRunEngine"),
        )
        for name in ("set_state", "initialize_run", "handle_exception", "handle_timeout", "handle_crash")
    ),
    "prefect.client.orchestration:TaskRunCreate",
    "prefect.client.orchestration:PrefectClient.set_flow_run_state",
    "prefect.client.orchestration:SyncPrefectClient.create_flow_run_from_deployment",
    "prefect.tasks:vars(Task)['create_run']",
    "prefect.task_worker:vars(TaskWorker)['astart']",
    "prefect.runner.runner:vars(Runner)['start']",
    "prefect.workers.base:vars(BaseWorker)['start']",
)
STEPS = "\n    create_task step ok\n      task step ok" * 2
HERE = {
    "succeed": "create_task succeed ok\n  task succeed ok" + STEPS,
    "in-loop": "create_task in-loop ok\n  task in-loop ok\n    create_task coroutine ok\n      task coroutine ok"
    "\n    create_task child ok\n      task child ok\n        create_task patient ok"
    "\n          task patient retried\n          task patient ok",
    "fail": "create_task fail ok\n  task fail error\n    create_task flaky ok\n      task flaky retried"
    "\n      task flaky ok\n    create_task broken ok\n      task broken error",
    "say-failed": "create_task say-failed ok\n  task say-failed error",
    "again": "create_task again ok\n  task again retried\n  task again ok",
    "slow": "create_task slow ok\n  task slow error",
}
ELSEWHERE = {
    "succeed": "create_task succeed ok\n  task succeed ok" + STEPS + "\ncreate_task succeed ok\n  task.cancelled ok",
    "again": "create_task again ok\n  task again retried\n  task again ok",
    "cancelled": "create_task cancelled ok\n  task.cancelled ok\ncreate_task cancelled ok\n  task cancelled cancelled",
    "killed": "create_task killed ok\n  task.failed ok",
    "background": "create_task background ok\n  task background retried\n  task background ok",
    "plain": "create_task plain ok\n  task plain ok",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program that ran its flows by itself."""
    with Program(home=tmp_path_factory.mktemp("prefect"), variables=SETTINGS) as program:
        assert program.run("-m", "prefect_here", timeout=180) == 0
        yield program


@contextmanager
def published(home: Path, postgres: str, *before: str) -> Generator[Program]:
    """What a runner, a worker and a program that has them run things make of it; ``before`` each of the three."""
    options = dict(part.split("=", 1) for part in postgres.split())
    port = reserved_port()
    variables = {
        **SETTINGS,
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_API_DATABASE_CONNECTION_URL": (
            f"postgresql+asyncpg://{options['user']}@/p{uuid4().hex}?host={options['host']}"
        ),
    }
    with Program(home=home, variables=variables) as program:
        program.plainly("-m", "prefect_server", options["host"], str(port))
        program.wait(lambda _: answers(port, "/api/health"), timeout=90)
        runner, worker = program.start(*before, "prefect_serve"), program.start(*before, "prefect_worker")
        assert program.run(*before, "prefect_publish", timeout=200) == 0
        assert program.stop(runner, timeout=40) == 0
        program.stop(worker, timeout=40)  # it leaves by the exception that stops it
        yield program


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Program]:
    """A program that had its flows and tasks run by others."""
    with published(tmp_path_factory.mktemp("prefect"), postgres, "-m") as program:
        yield program


@pytest.mark.parametrize("name", HERE)
def test_a_flow_is_one_trace(here: Program, name: str) -> None:
    """A flow, the flows and tasks that it runs in this process, and their attempts are one trace."""
    assert tree(here.spans, f"create_task {name}") == HERE[name]


def test_the_temporary_server_is_no_service(here: Program) -> None:
    """Nothing is told of the server that Prefect starts for a program that names none, nor by it."""
    assert {span.scope for span in here.spans} == {"otel_agent_telemetry", "prefect"}
    assert here.counted("command") == {"task.created": 13, "task.started": 13, "task.completed": 9, "task.failed": 4}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_run_elsewhere_is_one_trace(elsewhere: Program, name: str) -> None:
    """Creation, attempts and end are one trace across processes, also where no process is left to tell the end."""
    assert tree(elsewhere.spans, f"create_task {name}") == ELSEWHERE[name]


def test_events_follow(elsewhere: Program) -> None:
    """Each run is created and ended once, and claimed where another process than its creator's runs it."""
    assert elsewhere.counted("command") == {
        "server.started": 2,
        "server.shutdown": 2,
        "task.created": 10,
        "task.claimed": 6,
        "task.started": 8,
        "task.completed": 6,
        "task.failed": 1,
        "task.cancelled": 3,
    }


def test_our_errors_stay_with_us(tmp_path: Path, postgres: str) -> None:
    """Where every call of ours raises, all runs end as they do without us."""
    with published(tmp_path, postgres, "-m", "broken") as program:
        assert program.run("-m", "broken", "prefect_here", timeout=120) == 0
        told = {event["event"] for event in program.events}
        assert told.isdisjoint({"server.started", "task.failed"})  # what a runner starts is whole


def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path) -> None:
    """Instrumented, each is another object; uninstrumented, the very same; and so a second time."""
    found = run_plainly("hooked", "prefect", *CHANGED, home=tmp_path, variables=SETTINGS, timeout=120)
    assert json.loads(found.splitlines()[-1]) == [True, True, True, True]
