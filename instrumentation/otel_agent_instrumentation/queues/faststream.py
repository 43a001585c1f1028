"""FastStream messages from their publishing to the end of their handler, across processes, and its workers.

Hooks: ``_basic_publish`` of brokers and publishers, where a command has its headers, whichever the broker; a
subscriber's ``process_message``, which ends when a message is acknowledged or not, and ``HandlerItem.call`` within it.
The carrier is a header, which the program's handlers do not see. A message that is given back is the same task: only
its last attempt ends it. Answers to requests are none.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation._servers import ServerLife, end, speaks_for_server
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, attempt_of, from_text, to_text

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["FastStreamInstrumentor"]

_ENDS_WELL = frozenset({"AckMessage", "SkipMessage", "StopConsume"})
_GIVEN_BACK = frozenset({"NACKED", "REJECTED"})


class FastStreamInstrumentor(FrameworkInstrumentor):
    """Reports messages and applications of FastStream."""

    requires: ClassVar[tuple[str, ...]] = ("faststream >= 0.7, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what publishes and processes messages."""

        def publishers(owner: Any) -> None:
            hooks.wrap(owner, "_basic_publish", _publish)
            hooks.wrap(owner, "_basic_request", _publish)
            hooks.wrap(owner, "_basic_publish_batch", _publish_batch)

        def subscriber(module: Any) -> None:
            hooks.wrap(module.SubscriberUsecase, "process_message", _process_message)

        def application(module: Any) -> None:
            hooks.wrap(module.FastStream, "run", _run)
            hooks.wrap(module.FastStream, "_startup", _startup)

        hooks.when_imported(
            "faststream._internal.broker.pub_base", lambda module: publishers(module.BrokerPublishMixin)
        )
        hooks.when_imported(
            "faststream._internal.endpoint.publisher.usecase", lambda module: publishers(module.PublisherUsecase)
        )
        hooks.when_imported("faststream._internal.endpoint.subscriber.usecase", subscriber)
        hooks.when_imported(
            "faststream._internal.endpoint.subscriber.call_item",
            lambda module: hooks.wrap(module.HandlerItem, "call", _call),
        )
        hooks.when_imported("faststream.app", application)


# Where a message is published -----------------------------------------------------------------------------------------


async def _publish(wrapped: Any, _owner: Any, args: Any, kwargs: Any) -> Any:
    carrier = _create(*args, **kwargs)
    try:
        return await wrapped(*args, **kwargs)
    except BaseException:
        _refused(carrier)
        raise


@quiet
def _create(cmd: Any, **_: Any) -> dict[str, str] | None:
    if cmd.publish_type.value == "REPLY":
        return None
    carrier = telemetry.create_task(cmd.destination or None, source=SOURCE)
    cmd.headers = {**(cmd.headers or {}), KEY: to_text(carrier)}
    return carrier


@quiet
def _refused(carrier: dict[str, str] | None) -> None:
    if carrier is not None:
        telemetry.cancel_task(carrier, previous_status="pending", source=SOURCE)


async def _publish_batch(wrapped: Any, _owner: Any, args: Any, kwargs: Any) -> Any:
    _join(*args, **kwargs)
    return await wrapped(*args, **kwargs)


@quiet
def _join(cmd: Any, **_: Any) -> None:
    # All messages of a batch have the same headers: the trace goes along, and each is a task where it is processed.
    cmd.headers = {**(cmd.headers or {}), KEY: to_text({**telemetry.carrier(), "task_id": ""})}


# Where it is processed ------------------------------------------------------------------------------------------------

_attempts: Memory[str, int] = Memory()
"""Task's id -> the attempt at it that this process made last; no broker but one tells how often it has tried."""


class _Processing:
    """One message in the hands of a subscriber, perhaps a batch, from its handler's call to its acknowledgement."""

    def __init__(self, subscriber: Any) -> None:
        stream = getattr(subscriber, "stream_sub", None)  # of Redis
        self._has_group = stream is not None and stream.group is not None
        self.runs: list[Any] = []
        self.error: BaseException | str | None = None
        self._message: Any = None
        self._ids: list[str] = []

    def start(self, handler: Any, message: Any) -> None:
        self._message = message
        headers = message.batch_headers or [message.headers]
        name = getattr(handler, "name", None) or getattr(handler, "call_name", None)
        for number, each in enumerate(headers):
            self._start(each.get(KEY), name, message.message_id, is_current=number == 0)
        for each in [message.headers, *headers]:
            each.pop(KEY, None)

    def _start(self, text: Any, name: str | None, message_id: str, *, is_current: bool) -> None:
        carrier = from_text(text.decode() if isinstance(text, bytes) else text) or {"task_id": ""}
        task_id = carrier["task_id"] or f"{message_id}-{len(self.runs)}"
        number = max(attempt_of(carrier), _attempts.get(task_id, 0) + 1)
        carrier = {"task_source": SOURCE, **carrier, "task_id": task_id, "task_attempt": str(number)}
        _attempts[task_id] = number
        name = None if "task_name" in carrier else name
        self._ids.append(task_id)
        self.runs.append(telemetry.run_task(carrier, name=name, claimed=True).start(make_current=is_current))

    @quiet
    def end(self) -> None:
        outcome = self._outcome()
        for run in reversed(self.runs):
            run.end(None if outcome else self.error, outcome=outcome)
        if outcome is None:
            for each in self._ids:
                _attempts.pop(each, None)

    def _outcome(self) -> str | None:
        committed = getattr(self._message, "committed", None)
        if type(self.error).__name__ in _ENDS_WELL or (self.error is None and committed not in _GIVEN_BACK):
            return "ok"
        self.error = self.error or "NackMessage"
        return "retried" if self._comes_again() else None

    def _comes_again(self) -> bool:
        """Whether a broker has the message still, for this consumer or another."""
        message = self._message
        if message is None or message.__class__.__module__ == "faststream.redis.message":
            return self._has_group and message is not None and message.committed != "ACKED"  # a stream has no other way
        return message.committed == "NACKED" and message.nack.__func__.__module__ != "faststream.message.message"


_processing: ContextVar[_Processing | None] = ContextVar("agent_telemetry_faststream", default=None)


async def _process_message(wrapped: Any, subscriber: Any, args: Any, kwargs: Any) -> Any:
    processing = quiet(_Processing)(subscriber)
    if processing is None:
        return await wrapped(*args, **kwargs)
    token = _processing.set(processing)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _processing.reset(token)
        processing.end()


async def _call(wrapped: Any, item: Any, args: Any, kwargs: Any) -> Any:
    processing = _processing.get()
    if processing is None or processing.runs:
        return await wrapped(*args, **kwargs)
    quiet(processing.start)(item, kwargs.get("message", args[0] if args else None))
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        processing.error = error
        raise


# Workers --------------------------------------------------------------------------------------------------------------

_life: ContextVar[ServerLife | None] = ContextVar("agent_telemetry_faststream_life", default=None)


async def _run(wrapped: Any, _application: Any, args: Any, kwargs: Any) -> Any:
    life = quiet(ServerLife)("worker")
    if life is None or not speaks_for_server():
        return await wrapped(*args, **kwargs)
    token = _life.set(life)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _life.reset(token)
        if life.is_started:
            end(life)


async def _startup(wrapped: Any, _application: Any, args: Any, kwargs: Any) -> Any:
    await wrapped(*args, **kwargs)
    if (life := _life.get()) is not None:
        quiet(life.started)()
