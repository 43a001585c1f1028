"""What every lifecycle call returns: one object that is a context manager, a decorator, and can be driven by hand."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping
    from types import TracebackType
    from typing import Any, Protocol, TypeVar

    from opentelemetry.context import Context
    from typing_extensions import Self

    from otel_agent_telemetry.lifecycle._live import LiveSpan

    F = TypeVar("F", bound=Callable[..., Any])

    class Begins(Protocol):
        """What starts the span of a handle."""

        off: bool

        def begin(
            self,
            handle: Handle,
            arguments: Mapping[str, Any],
            parent: Handle | None,
            *,
            make_current: bool,
            at: int | None = None,
        ) -> LiveSpan | None:
            """Start it; None where nothing is to be started."""
            ...


__all__ = ["OFF", "Handle"]

# Flags of code objects (inspect.CO_*): importing inspect would cost an opted-out program ten milliseconds.
_COROUTINE, _GENERATOR, _ASYNC_GENERATOR, _ITERABLE_COROUTINE = 0x80, 0x20, 0x200, 0x100


class Handle:
    """A session, task, tool call, agent run, model call, command or workflow: from ``start`` to ``end``, once.

    ``with handle:`` and ``async with handle:`` start and end it; an exception ends it as an error (CancelledError
    and KeyboardInterrupt as cancelled) and passes through untouched. ``@handle`` decorates functions, coroutine
    functions, generators and asynchronous generators: each call is a run of its own. A generator whose reader goes away
    has ended well, but for a model's stream whose usage has not come. Where callbacks come separately, call
    :meth:`start` and :meth:`end`.
    """

    __slots__ = ("_arguments", "_lifecycle", "_live", "kind")

    def __init__(self, lifecycle: Begins | None, kind: str, arguments: dict[str, Any]) -> None:
        self._lifecycle = lifecycle
        self.kind = kind
        self._arguments = arguments
        self._live: LiveSpan | None = None

    @property
    def id(self) -> str | None:
        """The session's, task's, call's or workflow's id, once it has started."""
        return None if self._live is None else self._live.id

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that the span started with."""
        return {} if self._live is None else dict(self._live.attributes)

    def start(self, *, parent: Handle | None = None, make_current: bool = True, at: int | None = None) -> Self:
        """Start it. ``parent`` takes the place of the current span; ``make_current=False`` leaves that as it is.

        ``at`` is when it began, where that is told afterwards: nanoseconds since the epoch, as ``time.time_ns`` gives.
        """
        if self._lifecycle is not None and self._live is None:
            self._live = self._lifecycle.begin(self, self._arguments, parent, make_current=make_current, at=at)
        return self

    def end(
        self, error: BaseException | str | None = None, *, outcome: str | None = None, at: int | None = None
    ) -> None:
        """End it, with the exception or the name of its type; ``outcome`` is ``ok``, ``error`` or ``cancelled``.

        ``at`` is when it ended, as in :meth:`start`.
        """
        if self._live is not None:
            self._live.finish(error, outcome, at)

    def fail(self, error: BaseException | str) -> None:
        """Mark it as failed, with an exception or the name of an exception type, without raising."""
        if self._live is not None:
            self._live.mark(error, None)

    def cancel(self) -> None:
        """Mark it as cancelled, without raising."""
        if self._live is not None:
            self._live.mark(None, "cancelled")

    def set(self, **values: str | float | bool) -> None:
        """Add what became known, such as ``model``, ``provider``, ``exit_code`` or ``steps_completed``."""
        if self._live is not None:
            self._live.set(values)

    def record(
        self,
        *,
        input: int | None = None,  # noqa: A002 - the word of the field
        output: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
        cost_usd: float | None = None,
        response_model: str | None = None,
        response_id: str | None = None,
    ) -> None:
        """Give a model call its usage: tokens (``input`` includes cached, ``output`` reasoning ones) and cost."""
        if self._live is not None:
            self._live.record(
                {
                    "input": input,
                    "output": output,
                    "cache_read": cache_read,
                    "cache_write": cache_write,
                    "reasoning": reasoning,
                },
                cost_usd,
                response_model,
                response_id,
            )

    def __enter__(self) -> Self:
        if self._lifecycle is not None and self._live is None:  # as start(), without the call
            self._live = self._lifecycle.begin(self, self._arguments, None, make_current=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.finish(error, None)

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.finish(error, None)

    def __call__(self, function: F) -> F:
        """Decorate: each call of the function is a run of its own."""
        if self._lifecycle is None:
            return function
        code = getattr(function, "__code__", None)
        flags = code.co_flags if code is not None else 0
        if flags & _ASYNC_GENERATOR:
            return self._around_async_generator(function)
        if flags & (_COROUTINE | _ITERABLE_COROUTINE):
            return self._around_coroutine(function)
        if flags & _GENERATOR:
            return self._around_generator(function)
        return self._around_function(function)

    def _fresh(self) -> Handle:
        return Handle(self._lifecycle, self.kind, self._arguments)

    def _around_function(self, function: F) -> F:
        def call(*args: Any, **kwargs: Any) -> Any:
            if _is_off(self._lifecycle):
                return function(*args, **kwargs)
            with self._fresh():
                return function(*args, **kwargs)

        return _named(call, function)

    def _around_coroutine(self, function: F) -> F:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if _is_off(self._lifecycle):
                return await function(*args, **kwargs)
            with self._fresh():
                return await function(*args, **kwargs)

        return _named(call, function)

    def _around_generator(self, function: F) -> F:
        def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            if _is_off(self._lifecycle):
                plain: Generator[Any, Any, Any] = function(*args, **kwargs)
                return (yield from plain)
            run = self._fresh().start(make_current=False)
            steps = function(*args, **kwargs)
            try:
                result = yield from _in_context(run, steps)
            except BaseException as error:
                run.end(error)
                raise
            run.end()
            return result

        return _named(call, function)

    def _around_async_generator(self, function: F) -> F:
        async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            run = OFF if _is_off(self._lifecycle) else self._fresh().start(make_current=False)
            steps = function(*args, **kwargs)
            advance: Callable[[], Any] = lambda: steps.asend(None)  # noqa: E731 - rebound below
            step = _Steps(run)
            try:
                while True:
                    with step:
                        item = await advance()
                    try:
                        sent = yield item
                    except GeneratorExit:
                        with step:
                            await steps.aclose()
                        raise
                    except BaseException as thrown:  # noqa: BLE001 - handed to the generator, as `yield from` does
                        advance = lambda error=thrown: steps.athrow(error)  # noqa: E731 - as above
                    else:
                        advance = lambda value=sent: steps.asend(value)  # noqa: E731 - as above
            except StopAsyncIteration:
                run.end()
            except BaseException as error:
                run.end(error)
                raise

        return _named(call, function)

    def live(self) -> LiveSpan | None:
        """The running span of this handle, for the modules of this package."""
        return self._live


class _Off(Handle):
    """Enters and leaves without looking for a span that it never has."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


OFF: Handle = _Off(None, "off", {})
"""The one handle of an opted-out program: it does nothing."""


def _is_off(lifecycle: Begins | None) -> bool:
    return lifecycle is None or lifecycle.off


def _named(call: Any, function: Any) -> Any:
    import functools  # only programs that decorate need it

    return functools.wraps(function)(call)


class _Steps:
    """Makes a run current for each step of a generator, and what one step leaves current for the next.

    The consumer's code between the steps never sees any of it.
    """

    __slots__ = ("_inside", "_live", "_outside")

    def __init__(self, run: Handle) -> None:
        self._live = run.live()
        self._inside = None if self._live is None else self._live.context
        self._outside: Context | None = None

    def __enter__(self) -> None:
        if self._live is not None and self._inside is not None:
            self._outside = self._live.enter(self._inside)

    def __exit__(self, *exception: object) -> None:
        if self._live is not None and self._outside is not None:
            self._inside = self._live.enter(self._outside)


def _in_context(run: Handle, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    advance: Callable[[], Any] = lambda: next(steps)  # noqa: E731 - rebound below
    step = _Steps(run)
    while True:
        try:
            with step:
                item = advance()
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield item
        except GeneratorExit:
            with step:
                steps.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - handed to the generator, as `yield from` does
            advance = lambda error=thrown: steps.throw(error)  # noqa: E731 - as above
        else:
            advance = lambda value=sent: steps.send(value)  # noqa: E731 - as above
