"""Celery tasks from publishing to their end, and the start and stop of workers.

Hooks: the signals of ``celery.signals``. A task is created where it is published and its carrier travels in the
message's headers; the pool's process that runs it claims it. What kills a pool process (hard time limit, lost worker,
``revoke(terminate=True)``) is reported by the worker's main process, which alone knows. A retry is the same task:
nothing is created again, and only its last attempt ends it.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, carried

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["CeleryInstrumentor"]

_KILLED_SECONDS = 0.5
_ALONE_SECONDS = 0.3

# States after which another process, or another run, says how the task ended.
_NOT_AN_END = {"RETRY": "retried", "REJECTED": "abandoned", None: "abandoned"}

_SIGNALS = (
    "before_task_publish",
    "task_received",
    "task_prerun",
    "task_postrun",
    "task_failure",
    "task_revoked",
    "worker_init",
    "worker_ready",
    "worker_shutting_down",
    "worker_shutdown",
    "worker_process_shutdown",
)


class CeleryInstrumentor(FrameworkInstrumentor):
    """Reports tasks and workers of Celery."""

    requires: ClassVar[tuple[str, ...]] = ("celery >= 5.3.6, < 6",)

    def install(self, hooks: Hooks) -> None:
        """Connect to the signals."""

        def connect(signals: Any) -> None:
            observer = _Observer()
            for name in _SIGNALS:
                signal, receiver = getattr(signals, name), getattr(observer, name)
                signal.connect(receiver, weak=False, dispatch_uid=f"{KEY}.{name}")
                hooks.later(lambda signal=signal, name=name: signal.disconnect(dispatch_uid=f"{KEY}.{name}"))

        hooks.when_imported("celery.signals", connect)


class _Observer:
    """The receivers; each takes the signal's keyword arguments."""

    def __init__(self) -> None:
        self._running: dict[str, Any] = {}
        self._passed_on: set[str] = set()
        self._received: Memory[str, Any] = Memory()
        self._reported: Memory[str, None] = Memory()
        self._life: ServerLife | None = None
        self._signal: str | None = None

    # Where a task is published ---------------------------------------------------------------------------------

    @quiet
    def before_task_publish(self, *, headers: dict[str, Any], properties: Any = None, **_: Any) -> None:
        task_id = headers["id"]
        runs_here = task_id in self._running
        if runs_here:  # its next attempt, or what takes its place: the same task, and this run does not end it
            self._passed_on.add(task_id)
        if KEY not in headers:
            created = None if runs_here else _create(headers, properties or {})
            headers[KEY] = created or _carrier(_current_request(), task_id)

    # Where it runs ---------------------------------------------------------------------------------------------

    @quiet
    def task_prerun(self, *, task_id: Any = None, task: Any = None, **_: Any) -> None:
        request = task.request
        if request.is_eager:
            run = telemetry.task(task.name, id=task_id, source=SOURCE)
        else:
            attempt = 1 + request.retries + getattr(request, "replaced_task_nesting", 0)
            carrier = _carrier(request, task_id) | {"task_attempt": str(attempt)}
            run = telemetry.run_task(carrier, name=task.name, claimed=True)
        self._running[task_id] = run.start()

    @quiet
    def task_failure(self, *, task_id: Any = None, exception: Any = None, **_: Any) -> None:
        run = self._running.get(task_id)
        if run is not None:
            # What the signal carries may be a base class that can be pickled; the real one is being handled here.
            run.fail(sys.exc_info()[1] or exception)
        elif self._first(task_id):
            carrier = self._received.get(task_id) or {"task_id": task_id}
            telemetry.fail_task(carrier, exception, source=SOURCE)

    @quiet
    def task_postrun(self, *, task_id: Any = None, state: Any = None, **_: Any) -> None:
        run = self._running.pop(task_id, None)
        if run is None:
            return
        if task_id in self._passed_on:
            self._passed_on.discard(task_id)
            run.end(outcome="retried")
        else:
            run.end(outcome=_NOT_AN_END.get(state))
        telemetry.flush(_KILLED_SECONDS if state is None else 0, send=False)

    @quiet
    def worker_process_shutdown(self, **_: Any) -> None:
        # The process leaves by os._exit. Before, it tells the pool so while it blocks SIGTERM in this thread alone,
        # and the pool answers with SIGTERM: any other thread would take it, and the pool's queue stay locked.
        telemetry.shutdown(EXIT_SECONDS)
        _wait_until_alone()

    # In the worker's main process ------------------------------------------------------------------------------

    @quiet
    def task_received(self, *, request: Any = None, **_: Any) -> None:
        if KEY in request.request_dict:
            self._received[request.id] = request.request_dict[KEY]

    @quiet
    def task_revoked(self, *, request: Any = None, terminated: Any = None, **_: Any) -> None:
        if self._first(request.id):
            status = "in_progress" if terminated else "pending"
            telemetry.cancel_task(_carrier(request, request.id), previous_status=status, source=SOURCE)

    @quiet
    def worker_init(self, **_: Any) -> None:
        telemetry.declare_source("worker")  # before the pool forks

    @quiet
    def worker_ready(self, **_: Any) -> None:
        self._life = ServerLife("worker")
        self._life.started()

    @quiet
    def worker_shutting_down(self, *, sig: Any = None, **_: Any) -> None:
        self._signal = sig if isinstance(sig, str) else None

    @quiet
    def worker_shutdown(self, **_: Any) -> None:
        if self._life is not None:
            self._life.stopped(self._signal)
            self._life = None
        telemetry.flush(EXIT_SECONDS, send=False)

    def _first(self, task_id: str) -> bool:
        # A hard time limit fires task_failure twice.
        if task_id in self._reported:
            return False
        self._reported[task_id] = None
        return True


def _carrier(request: Any, task_id: str | None = None) -> dict[str, str]:
    """What the publisher put into the message; the bare id where the publisher is not instrumented."""
    headers: dict[str, Any] = getattr(request, "headers", None) or {}
    found = getattr(request, KEY, None) or headers.get(KEY)  # Celery makes attributes of a message's headers
    return carried(found) or {"task_id": str(task_id or request.id)}


def _current_request() -> Any:
    from celery import current_task  # pyright: ignore[reportMissingTypeStubs] - loaded: it is publishing

    return current_task.request


def _wait_until_alone() -> None:
    """Return when this process has one thread, or soon: one that Python has joined may still take a signal."""
    deadline = time.monotonic() + _ALONE_SECONDS
    while time.monotonic() < deadline and len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - names are enough
        time.sleep(0.001)


def _create(headers: dict[str, Any], properties: dict[str, Any]) -> dict[str, str]:
    return telemetry.create_task(
        headers.get("task"),
        id=headers["id"],
        source=SOURCE,
        priority=properties.get("priority"),
        has_parent=headers.get("parent_id") is not None,
    )
