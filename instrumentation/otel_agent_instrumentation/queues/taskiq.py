"""Taskiq tasks from publishing to their end, and the start and stop of ``taskiq worker``.

Hooks: ``AsyncKicker.kiq`` and ``_prepare_message`` where a task is published, ``Receiver.callback`` and ``run_task``
where it runs: on the classes, so that brokers that exist already are seen too and all middleware has had its say before
we have ours. A task is created where it is published and its carrier travels in a label. A retry, at once or by a
schedule, and ``Context.requeue`` are the same task: only its last attempt ends it. The worker command is
``ProcessManager``; its processes are told apart from it by ``shutdown_broker``, where each of them ends.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife, signal_name, under_server
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, from_text, next_attempt, to_text

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["TaskiqInstrumentor"]


class TaskiqInstrumentor(FrameworkInstrumentor):
    """Reports tasks and workers of Taskiq."""

    requires: ClassVar[tuple[str, ...]] = ("taskiq >= 0.11.19, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook publishing, running and the worker command."""

        def kicker(module: Any) -> None:
            hooks.wrap(module.AsyncKicker, "kiq", _kiq)
            hooks.wrap(module.AsyncKicker, "_prepare_message", _prepare_message)

        def receiver(module: Any) -> None:
            hooks.wrap(module.Receiver, "callback", _callback)
            hooks.wrap(module.Receiver, "run_task", _run_task)
            hooks.wrap(module.Receiver, "listen", _listen)

        def manager(module: Any) -> None:
            command = _Command()
            hooks.wrap(module.ProcessManager, "prepare_workers", command.prepare_workers)
            hooks.wrap(module.ProcessManager, "start", command.start)
            hooks.wrap(module, "get_signal_handler", command.get_signal_handler)

        hooks.when_imported("taskiq.kicker", kicker)
        hooks.when_imported("taskiq.context", lambda module: hooks.wrap(module.Context, "requeue", _requeue))
        hooks.when_imported("taskiq.receiver.receiver", receiver)
        hooks.when_imported("taskiq.cli.worker.process_manager", manager)
        hooks.when_imported("taskiq.cli.worker.run", lambda module: hooks.wrap(module, "shutdown_broker", _leave))


# Where a task is published ------------------------------------------------------------------------------------------

_publishes: ContextVar[bool] = ContextVar("agent_telemetry_taskiq_publishes", default=False)


async def _kiq(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    before = _publishes.get()
    _publishes.set(True)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _publishes.set(before)


def _prepare_message(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    message = wrapped(*args, **kwargs)
    _label(message, is_published=_publishes.get())
    return message


@quiet
def _label(message: Any, *, is_published: bool) -> None:
    _publishes.set(False)  # what this very call was for
    run = _in_hand.get()
    if run is not None and run.task_id == message.task_id:  # its next attempt, at once or by a schedule
        run.is_passed_on = True
        message.labels[KEY] = to_text(next_attempt(_carrier(message)))
    elif is_published and _labelled(message) is None:
        carrier = telemetry.create_task(
            message.task_name, id=message.task_id, source=SOURCE, priority=_priority(message.labels.get("priority"))
        )
        message.labels[KEY] = to_text(carrier)


def _priority(label: Any) -> int | None:
    """The label that brokers with priorities read; some make text of labels."""
    return int(label) if str(label).isdecimal() else None


async def _requeue(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    _relabel(instance.message)
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        if type(error).__name__ == "NoResultError":  # how it leaves once the message is on its way
            _pass_on()
        raise


@quiet
def _relabel(message: Any) -> None:
    message.labels[KEY] = to_text(next_attempt(_carrier(message)))


@quiet
def _pass_on() -> None:
    run = _in_hand.get()
    if run is not None:
        run.is_passed_on = True


def _labelled(message: Any) -> dict[str, str] | None:
    """What was put into the message where it was published."""
    return from_text(message.labels.get(KEY), message.task_id)


def _carrier(message: Any) -> dict[str, str]:
    return _labelled(message) or {"task_id": message.task_id}


# Where it runs ------------------------------------------------------------------------------------------------------


class _Run:
    """One message in the hands of one receiver."""

    def __init__(self) -> None:
        self.task_id: str | None = None
        self.handle: Any = None
        self.error: BaseException | None = None
        self.is_passed_on = False

    @quiet
    def start(self, message: Any) -> None:
        self.task_id = message.task_id
        self.handle = telemetry.run_task(_carrier(message), name=message.task_name, claimed=True).start()
        _open.add(self)

    @quiet
    def heard(self, result: Any) -> None:
        # A task that wants no result, and was not passed on, ended well.
        if result.is_err and type(result.error).__name__ != "NoResultError":
            self.error = result.error

    @quiet
    def end(self) -> None:
        _open.discard(self)
        if self.handle is not None:
            self.handle.end(self.error, outcome="retried" if self.is_passed_on else None)


_in_hand: ContextVar[_Run | None] = ContextVar("agent_telemetry_taskiq", default=None)
_open: set[_Run] = set()


async def _callback(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    # What middleware publishes after the task has run, it still publishes on the task's behalf: so the run ends here.
    outer, run = _in_hand.get(), _Run()
    _in_hand.set(run)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        run.error = run.error or error
        raise
    else:
        if run.task_id is None:
            _dropped(instance.broker, *args, **kwargs)
        return result
    finally:
        run.end()
        _in_hand.set(outer)


async def _run_task(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    run = _in_hand.get()
    if run is None:  # called by hand
        return await wrapped(*args, **kwargs)
    run.start(kwargs["message"] if "message" in kwargs else args[1])
    result = await wrapped(*args, **kwargs)
    run.heard(result)
    return result


@quiet
def _dropped(broker: Any, message: Any, *_: Any, **__: Any) -> None:
    """A task that was received and not run: nothing here knows it."""
    parsed = broker.formatter.loads(message=getattr(message, "data", message))
    if broker.find_task(parsed.task_name) is None:
        telemetry.fail_task(_carrier(parsed), "UnknownTaskError", source=SOURCE)


# The worker command -------------------------------------------------------------------------------------------------


class _Command:
    """The wrappers in the command's main process."""

    def __init__(self) -> None:
        self._life: ServerLife | None = None
        self._signal: int | None = None

    def get_signal_handler(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        handler = wrapped(*args, **kwargs)

        def handle(signum: int, frame: Any) -> Any:
            self._signal = signum
            return handler(signum, frame)

        return handle

    def start(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        self._begin()
        try:
            return wrapped(*args, **kwargs)
        finally:
            self._end()

    def prepare_workers(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = wrapped(*args, **kwargs)
        self._ready()
        return result

    @quiet
    def _begin(self) -> None:
        self._life = ServerLife("worker")  # before it forks

    @quiet
    def _ready(self) -> None:
        if self._life is not None:
            self._life.started()

    @quiet
    def _end(self) -> None:
        if self._life is not None and self._life.is_started:
            self._life.stopped(signal_name([] if self._signal is None else [self._signal]))


async def _listen(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    if not under_server.get():
        _declare()
    return await wrapped(*args, **kwargs)


@quiet
def _declare() -> None:
    telemetry.declare_source("worker")


async def _leave(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _flush()


@quiet
def _flush() -> None:
    # A worker process leaves by os._exit, and without the tasks that took longer than it waited for.
    for run in list(_open):
        run.handle.end(outcome="abandoned")
    telemetry.flush(EXIT_SECONDS, send=False)
