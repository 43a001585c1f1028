"""Enqueues the named workflows, or one of each kind, and waits until all have ended."""

from __future__ import annotations

import sys
import time
from typing import Any

import dbos_app as app
from dbos import DBOSClient
from dbos import error as errors

client: Any = DBOSClient(system_database_url=app.config.get("system_database_url"))


def enqueue(name: str, queue: str = "jobs", **options: Any) -> Any:
    """Put one into a queue."""
    return client.enqueue({"workflow_name": name, "queue_name": queue, **options})


def wait_for(name: str) -> None:
    """Return once a workflow waits for that file."""
    deadline = time.monotonic() + 60
    while not (app.folder / f"{name}-waits").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def result(handle: Any) -> Any:
    """What it gave, or the exception."""
    try:
        return handle.get_result(polling_interval_sec=0.1)
    except Exception as error:  # noqa: BLE001 - any that a workflow raises
        return type(error).__name__


class Unknown:
    """What the worker has no class for."""


def stopped(name: str, **options: Any) -> None:
    """Run one and cancel it while it runs."""
    handle = enqueue(name)
    wait_for(name)
    client.cancel_workflow(handle.get_workflow_id(), **options)
    (app.folder / name).touch()
    assert result(handle) == "DBOSAwaitedWorkflowCancelledError"


def each_kind() -> None:
    """One of each."""
    succeed = {"workflow_name": "succeed", "queue_name": "jobs", "attributes": {"tenant": "acme"}}
    assert client.enqueue(succeed, 1).get_result() == 1
    for name in ("coroutine", "retry", "delegate", "delegate_coroutine"):
        assert result(enqueue(name)) is None, name
    assert result(enqueue("fail", priority=7)) == "LookupError"
    assert result(enqueue("fail_coroutine")) == "LookupError"
    assert result(enqueue("forbidden")) == "DBOSNotAuthorizedError"
    assert result(client.enqueue({"workflow_name": "misfit", "queue_name": "jobs"}, Unknown())) != "None"
    stopped("aborted")
    stopped("late")
    client.cancel_workflow(enqueue("cancelled", delay_seconds=3600).get_workflow_id())
    blocking = enqueue("blocking", "busy")
    wait_for("blocking")
    stopped("family", cancel_children=True)
    hurried = enqueue("hurried", workflow_timeout=0.5)
    assert result(hurried) == "DBOSAwaitedWorkflowCancelledError"
    (app.folder / "hurried").touch()
    while client.list_workflows(name="timed_out")[0].status != "CANCELLED":
        time.sleep(0.05)
    (app.folder / "blocking").touch()
    assert result(blocking) is None
    first = enqueue("once", deduplication_id="one", workflow_id="first")
    wait_for("once")
    try:
        enqueue("once", deduplication_id="one")
    except errors.DBOSQueueDeduplicatedError:
        enqueue("once", workflow_id="first")
    (app.folder / "once").touch()
    assert result(first) is None


for name in sys.argv[1:]:
    enqueue(name)
if not sys.argv[1:]:
    each_kind()
