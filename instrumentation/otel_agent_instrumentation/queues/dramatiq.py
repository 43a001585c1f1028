"""Dramatiq messages from their enqueueing to their end, and the start and stop of ``dramatiq``, the worker command.

Hooks: ``dramatiq.broker.Broker.emit_before`` and ``emit_after``, which every broker sends its signals through: so what
happens here comes after the last middleware has had its say, wherever and whenever it was added, and brokers that exist
already are seen too. ``dramatiq.cli.main`` is the command. A task is created where its message is enqueued and its
carrier travels in the message's options; the worker thread that processes it claims it. The hop through a delay queue
is no new task, and a retry is the same task: only its last attempt ends it. What middleware skips, because it is too
old or was aborted, is cancelled; so is what an interrupt other than the time limit stopped for good.
"""

from __future__ import annotations

import multiprocessing
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS, ServerLife, speaks_for_server
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, carried, next_attempt

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["DramatiqInstrumentor"]

MASTER = "AGENT_TELEMETRY_DRAMATIQ_MASTER"
"""Environment variable with the process id of the worker command; it outlives the ``exec`` of a reload."""


# What the command exits with where no worker came up: an import, the connection or the file of its process id failed.
_NEVER_STARTED = {2, 3, 4}


class DramatiqInstrumentor(FrameworkInstrumentor):
    """Reports tasks and workers of Dramatiq."""

    requires: ClassVar[tuple[str, ...]] = ("dramatiq >= 1.17, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Hook the brokers' signals and the command."""

        def broker(module: Any) -> None:
            hooks.wrap(module.Broker, "emit_before", _emit_before)
            hooks.wrap(module.Broker, "emit_after", _emit_after)

        hooks.when_imported("dramatiq.broker", broker)
        hooks.when_imported("dramatiq.cli", lambda module: hooks.wrap(module, "main", _main))


# Signals ------------------------------------------------------------------------------------------------------------


def _emit_before(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    signal, message = args[0], args[1] if len(args) > 1 else None
    if signal == "enqueue":
        _enqueue(instance, message)
    elif signal == "delay_message":
        _delay(message)
    elif signal == "worker_boot":
        _boot()
    elif signal == "process_message":
        _take(message)
        result = wrapped(*args, **kwargs)
        _start(message)
        return result
    return wrapped(*args, **kwargs)


def _emit_after(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    try:
        return wrapped(*args, **kwargs)
    finally:  # an interrupt may arrive at any time
        signal = args[0]
        if signal == "enqueue":
            _enqueued(args[1])
        elif signal == "process_message":
            _processed(args[1], kwargs.get("exception"))
        elif signal == "skip_message":
            _skipped(args[1])
        elif signal == "nack":
            _rejected(instance, args[1])
        elif signal == "worker_boot":
            _booted()
        elif signal == "worker_shutdown":
            _flush()


# Where a message is enqueued ----------------------------------------------------------------------------------------


@quiet
def _enqueue(broker: Any, message: Any) -> None:
    if _in_hand_as(message) is not None:  # its next attempt
        message.options[KEY] = next_attempt(_carrier(message))
    elif carried(message.options.get(KEY), message.message_id) is None:
        message.options[KEY] = telemetry.create_task(
            message.actor_name, id=message.message_id, source=SOURCE, priority=_priority(broker, message)
        )


def _priority(broker: Any, message: Any) -> int | None:
    """The message's own in its broker, else its actor's in the worker."""
    given = message.options.get("broker_priority")
    return getattr(broker.actors.get(message.actor_name), "priority", None) if given is None else given


@quiet
def _enqueued(message: Any) -> None:
    run = _in_hand_as(message)
    if run is not None:
        run.is_passed_on = True


@quiet
def _delay(message: Any) -> None:
    # This process will enqueue it again when its time has come; without a carrier that would look like a new task.
    message.options.setdefault(KEY, {"task_id": message.message_id})


# Where it is processed ----------------------------------------------------------------------------------------------


class _Run:
    """One message in the hands of one worker thread."""

    def __init__(self, message_id: str, outer: _Run | None) -> None:
        self.message_id = message_id
        self.outer = outer
        self.handle: Any = None
        self.is_passed_on = False


# What an actor that is a coroutine enqueues comes from another thread, but in a copy of this context.
_in_hand: ContextVar[_Run | None] = ContextVar("agent_telemetry_dramatiq", default=None)


def _in_hand_as(message: Any) -> _Run | None:
    run = _in_hand.get()
    return run if run is not None and run.message_id == message.message_id else None


@quiet
def _take(message: Any) -> None:
    _in_hand.set(_Run(message.message_id, _in_hand.get()))


@quiet
def _start(message: Any) -> None:
    run = _in_hand_as(message)
    if run is not None:
        run.handle = telemetry.run_task(_carrier(message), name=message.actor_name, claimed=True).start()


@quiet
def _processed(message: Any, error: BaseException | None) -> None:
    run = _put_down(message)
    if run is None:
        return
    if run.handle is None:  # middleware raised before it started
        if error is not None and not run.is_passed_on:
            telemetry.fail_task(_carrier(message), error, source=SOURCE)
    elif run.is_passed_on:
        run.handle.end(outcome="retried")
    elif error is not None:
        run.handle.end(error, outcome="cancelled" if _is_interrupt(error) else None)
    else:
        run.handle.end(outcome="error" if message.failed else None)


@quiet
def _skipped(message: Any) -> None:
    run = _put_down(message)
    if run is None:
        return
    if run.handle is not None:  # by the actor itself
        run.handle.end(outcome="retried" if run.is_passed_on else "cancelled")
    elif not run.is_passed_on:
        telemetry.cancel_task(_carrier(message), previous_status="pending", source=SOURCE)


@quiet
def _rejected(broker: Any, message: Any) -> None:
    if message.actor_name not in broker.actors:  # what any other message came to has been said
        telemetry.fail_task(_carrier(message), "ActorNotFound", source=SOURCE)


def _put_down(message: Any) -> _Run | None:
    run = _in_hand_as(message)
    if run is not None:
        _in_hand.set(run.outer)
    return run


def _is_interrupt(error: BaseException) -> bool:
    """Whether somebody stopped the actor (a shutdown, an abort), rather than it ran out of time."""
    names = [kind.__name__ for kind in type(error).__mro__]
    return "Interrupt" in names and "TimeLimitExceeded" not in names


def _carrier(message: Any) -> dict[str, str]:
    """What was put into the message where it was enqueued; its bare id where nobody did."""
    retries = message.options.get("retries", 0)
    return carried(message.options.get(KEY)) or {"task_id": message.message_id, "task_attempt": str(1 + retries)}


# The worker command -------------------------------------------------------------------------------------------------


def _main(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    life = _begin()
    code = None
    try:
        code = wrapped(*args, **kwargs)
    finally:
        _end(life, code)
    return code


@quiet
def _begin() -> ServerLife:
    own = str(os.getpid())
    is_reload = os.environ.get(MASTER, "").partition(" ")[0] == own
    os.environ[MASTER] = f"{own} again" if is_reload else own
    return ServerLife("worker")


@quiet
def _end(life: ServerLife | None, code: int | None) -> None:
    if life is not None and code is not None and code not in _NEVER_STARTED:
        life.stopped()


@quiet
def _boot() -> None:
    if _command() is not None:
        telemetry.declare_source("worker")


@quiet
def _booted() -> None:
    if _command() == "" and speaks_for_server():
        telemetry.server_started()


def _command() -> str | None:
    """None where no worker command started this process, something where it started itself anew since."""
    parent = multiprocessing.parent_process()
    master, _, anew = os.environ.get(MASTER, "").partition(" ")
    return anew if parent is not None and master == str(parent.pid) else None


@quiet
def _flush() -> None:
    # A worker process leaves by os._exit.
    telemetry.flush(EXIT_SECONDS, send=False)
