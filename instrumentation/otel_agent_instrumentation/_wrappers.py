"""Wrappers for methods that are only looked at: the observer gets their own arguments, and its errors go no further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_agent_instrumentation._hooks import quiet

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

    from otel_agent_instrumentation._hooks import Wrapper

__all__ = ["after", "around", "around_async", "before", "within", "within_async"]


def before(tell: Callable[..., object]) -> Wrapper:
    """First ``tell(self, ...)`` with the method's arguments, then the method."""
    quietly = quiet(tell)

    def wrapper(wrapped: Any, owner: Any, args: Any, kwargs: Any) -> Any:
        quietly(owner, *args, **kwargs)
        return wrapped(*args, **kwargs)

    return wrapper


def after(tell: Callable[..., object]) -> Wrapper:
    """First the method, then ``tell(result, self, ...)`` with its arguments; nothing where it raised."""
    quietly = quiet(tell)

    def wrapper(wrapped: Any, owner: Any, args: Any, kwargs: Any) -> Any:
        result = wrapped(*args, **kwargs)
        quietly(result, owner, *args, **kwargs)
        return result

    return wrapper


def around(begin: Callable[..., object], end: Callable[[Any, BaseException | None], object]) -> Wrapper:
    """The method between ``begin(self, ...)`` with its arguments and ``end(what that gave, error)``.

    ``error`` is the exception that left the method, or None. ``end`` is given None where ``begin`` failed.
    """
    begin, end = quiet(begin), quiet(end)

    def wrapper(wrapped: Any, owner: Any, args: Any, kwargs: Any) -> Any:
        begun = begin(owner, *args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            end(begun, error)
            raise
        end(begun, None)
        return result

    return wrapper


def around_async(begin: Callable[..., object], end: Callable[[Any, BaseException | None], object]) -> Wrapper:
    """As :func:`around`, for a method that is awaited."""
    begin, end = quiet(begin), quiet(end)

    async def wrapper(wrapped: Any, owner: Any, args: Any, kwargs: Any) -> Any:
        begun = begin(owner, *args, **kwargs)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            end(begun, error)
            raise
        end(begun, None)
        return result

    return wrapper


def within(variable: ContextVar[bool]) -> Wrapper:
    """The method, with the variable true inside it."""

    def wrapper(wrapped: Any, _owner: Any, args: Any, kwargs: Any) -> Any:
        token = variable.set(True)
        try:
            return wrapped(*args, **kwargs)
        finally:
            variable.reset(token)

    return wrapper


def within_async(variable: ContextVar[bool]) -> Wrapper:
    """As :func:`within`, for a method that is awaited."""

    async def wrapper(wrapped: Any, _owner: Any, args: Any, kwargs: Any) -> Any:
        token = variable.set(True)
        try:
            return await wrapped(*args, **kwargs)
        finally:
            variable.reset(token)

    return wrapper
