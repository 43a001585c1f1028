"""Huey tasks from enqueueing to their end, and the start and stop of consumers.

Hooks: ``Huey.enqueue``, where a task is created; ``Huey.execute`` and the signals that it sends, where it runs. A
message has no place for anything of ours, so its carrier stands behind the pickled message, where ``pickle.loads`` does
not look: a consumer without us reads what it has always read. A task that waits for its time, and a retry, are the same
task: only its last attempt ends it. What was revoked or has expired is cancelled.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife, signal_name
from otel_agent_instrumentation._wrappers import after, before
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, from_text, next_attempt, to_text

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["HueyInstrumentor"]

ATTRIBUTE = f"_{KEY}"
"""The attribute of a task that holds its carrier."""

_MARK = f"\n{KEY}:".encode()
_LONGEST = 4096

_NEVER_RAN = frozenset({"revoked", "expired"})
_FAILED = frozenset({"error", "timeout", "rate-limited", "locked"})
_CANCELLED = frozenset({"canceled", "interrupted"})


class HueyInstrumentor(FrameworkInstrumentor):
    """Reports tasks and consumers of Huey."""

    requires: ClassVar[tuple[str, ...]] = ("huey >= 2.5, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what enqueues and executes tasks."""

        def api(module: Any) -> None:
            hooks.wrap(module.Huey, "enqueue", before(_enqueued))
            hooks.wrap(module.Huey, "serialize_task", _serialize_task)
            hooks.wrap(module.Huey, "deserialize_task", _deserialize_task)
            hooks.wrap(module.Huey, "execute", _execute)
            hooks.wrap(module.Huey, "_emit", before(_emitted))

        def serializer(module: Any) -> None:
            hooks.wrap(module.Serializer, "_serialize", _serialize)
            hooks.wrap(module.Serializer, "_deserialize", _deserialize)

        def consumer(module: Any) -> None:
            consumers = _Consumers()
            hooks.wrap(module.Consumer, "run", consumers.run)
            hooks.wrap(module.Consumer, "start", after(consumers.started))
            hooks.wrap(module.Consumer, "loop", consumers.loop)

        hooks.when_imported("huey.api", api)
        hooks.when_imported("huey.serializer", serializer)
        hooks.when_imported("huey.consumer", consumer)


# Where a task is enqueued --------------------------------------------------------------------------------------------


def _enqueued(_huey: Any, task: Any, *_: Any, **__: Any) -> None:
    # Of a group or a chord, each task comes by itself; one with a carrier has waited for its time, or is a retry.
    if hasattr(task, "retry_delay") and not hasattr(task, ATTRIBUTE):
        priority = task.priority if isinstance(task.priority, int) else None
        setattr(task, ATTRIBUTE, telemetry.create_task(task.name, id=task.id, source=SOURCE, priority=priority))


def _carrier(task: Any) -> dict[str, str]:
    """What was made where the task was enqueued; its bare id where the publisher is not instrumented."""
    return getattr(task, ATTRIBUTE, None) or {"task_id": task.id}


_leaves_with: ContextVar[str | None] = ContextVar("agent_telemetry_huey_leaves_with", default=None)
_came_with: ContextVar[str | None] = ContextVar("agent_telemetry_huey_came_with", default=None)


def _serialize_task(wrapped: Any, _huey: Any, args: Any, kwargs: Any) -> Any:
    carrier = getattr(args[0], ATTRIBUTE, None) if args else None
    token = _leaves_with.set(to_text(carrier) if carrier else None)
    try:
        return wrapped(*args, **kwargs)
    finally:
        _leaves_with.reset(token)


def _serialize(wrapped: Any, _serializer: Any, args: Any, kwargs: Any) -> Any:
    data, text = wrapped(*args, **kwargs), _leaves_with.get()
    return data + _MARK + text.encode() if text is not None and _is_pickle(data) else data


def _deserialize_task(wrapped: Any, _huey: Any, args: Any, kwargs: Any) -> Any:
    token = _came_with.set(None)
    try:
        task = wrapped(*args, **kwargs)
        _remember(task, _came_with.get())
    finally:
        _came_with.reset(token)
    return task


def _deserialize(wrapped: Any, _serializer: Any, args: Any, kwargs: Any) -> Any:
    _find(*args, **kwargs)
    return wrapped(*args, **kwargs)


@quiet
def _find(data: bytes) -> None:
    if _MARK in data[-_LONGEST:]:
        _came_with.set(data[-_LONGEST:].rpartition(_MARK)[2].decode())


@quiet
def _remember(task: Any, text: str | None) -> None:
    carrier = from_text(text, task.id)
    if carrier is not None:
        setattr(task, ATTRIBUTE, carrier)


def _is_pickle(data: Any) -> bool:
    return isinstance(data, bytes) and data[:1] == b"\x80" and data[-1:] == b"."


# Where it runs -------------------------------------------------------------------------------------------------------


class _Attempt:
    """One attempt at a task, from the signal that it begins until ``Huey.execute`` returns."""

    def __init__(self, task: Any, *, claimed: bool) -> None:
        self.task = task
        self.run = telemetry.run_task(_carrier(task), name=task.name, claimed=claimed).start()
        self.error: BaseException | str | None = None
        self.outcome: str | None = None
        _open[id(task)] = self

    def heard(self, signal: str) -> None:
        if signal in _FAILED:
            self.error = sys.exc_info()[1] or signal
        elif signal in _CANCELLED:
            self.outcome = "cancelled"
        elif signal == "retrying":
            self.outcome = "retried"
            setattr(self.task, ATTRIBUTE, next_attempt(_carrier(self.task)))

    @quiet
    def end(self, error: BaseException | None = None) -> None:
        if _open.pop(id(self.task), None) is self:
            self.run.end(None if self.outcome else self.error or error, outcome=self.outcome)


_open: dict[int, _Attempt] = {}


def _execute(wrapped: Any, _huey: Any, args: Any, kwargs: Any) -> Any:
    task = args[0] if args else kwargs.get("task")
    error: BaseException | None = None
    try:
        return wrapped(*args, **kwargs)
    except BaseException as raised:
        error = raised
        raise
    finally:
        attempt = _open.get(id(task))
        if attempt is not None:
            attempt.end(error)


def _emitted(huey: Any, signal: str, task: Any, *_: Any, **__: Any) -> None:
    if signal == "executing":
        _Attempt(task, claimed=not huey.immediate)
    elif signal in _NEVER_RAN:
        telemetry.cancel_task(_carrier(task), previous_status="pending", source=SOURCE)
    elif (attempt := _open.get(id(task))) is not None:
        attempt.heard(signal)
        if signal == "interrupted":  # perhaps by another thread, while the task's own goes down with the consumer
            attempt.end()


# Consumers -----------------------------------------------------------------------------------------------------------


class _Consumers:
    """The consumers of this process, from start to stop."""

    def __init__(self) -> None:
        self._lives: dict[int, ServerLife] = {}

    def run(self, wrapped: Any, consumer: Any, args: Any, kwargs: Any) -> Any:
        self._begin(consumer)
        try:
            return wrapped(*args, **kwargs)
        finally:
            self._stopped(consumer)

    @quiet
    def _begin(self, consumer: Any) -> None:
        self._lives[id(consumer)] = ServerLife("worker")  # before it forks

    def started(self, _result: Any, consumer: Any, *_: Any) -> None:
        life = self._lives.get(id(consumer))
        if life is not None:
            life.started()

    def loop(self, wrapped: Any, consumer: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        except Exception:  # it stops, perhaps to begin anew in this very process
            self._stopped(consumer)
            raise

    @quiet
    def _stopped(self, consumer: Any) -> None:
        life = self._lives.pop(id(consumer), None)
        if life is not None and life.is_started:
            number = getattr(consumer, "_signum", None)
            life.stopped(signal_name(() if number is None else (number,)))
            telemetry.flush(EXIT_SECONDS, send=False)
