# pyright: reportMissingTypeStubs=false
# Celery has none.
"""Tasks that end in each way that a Celery task can end; a folder is the broker."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.exceptions import Ignore, Reject
from opentelemetry import trace

folder = Path(os.environ["HOME"]) / "queue"
messages, control, results = (folder / name for name in ("messages", "control", "results"))
for each in (messages, control, results):
    each.mkdir(parents=True, exist_ok=True)

app: Any = Celery(
    "tasks",
    broker="filesystem://",
    broker_transport_options={
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.05,
    },
    result_backend=results.as_uri(),
    broker_connection_retry_on_startup=True,
)


class UnpicklableError(Exception):
    """Celery puts another exception in its place where it leaves the process."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.two = two


@app.task(name="succeed")
def succeed() -> str:
    """End well."""
    return "done"


@app.task(name="fail")
def fail() -> None:
    """End with an exception, after an agent's run that some framework has a span for."""
    about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    with trace.get_tracer("framework").start_as_current_span("invoke_agent planner", attributes=about):
        pass
    raise UnpicklableError("a", "b")


@app.task(name="retry", bind=True)
def retry(self: Any) -> str:
    """End well the second time."""
    if self.request.retries < 1:
        raise self.retry(exc=ConnectionError("again"), countdown=0)
    return "done"


@app.task(name="delegate")
def delegate() -> None:
    """Publish another task."""
    succeed.delay()


@app.task(name="replace", bind=True)
def replace(self: Any) -> None:
    """Put another task in its place."""
    raise self.replace(succeed.s())


@app.task(name="sleep")
def sleep() -> None:
    """Run until it is terminated."""
    (folder / "sleeping").touch()
    time.sleep(60)


@app.task(name="wait")
def wait() -> None:
    """Is revoked before it runs."""


@app.task(name="expire")
def expire() -> None:
    """Is too old when it arrives."""


@app.task(name="too_long", time_limit=1)
def too_long() -> None:
    """Run into its hard time limit."""
    time.sleep(60)


@app.task(name="ignore")
def ignore() -> None:
    """Leave no result."""
    raise Ignore


@app.task(name="reject")
def reject() -> None:
    """Give the message back for good."""
    raise Reject("no", requeue=False)
