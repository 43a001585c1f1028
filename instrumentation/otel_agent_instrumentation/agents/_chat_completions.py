"""Model calls of clients whose replies are chat completions in OpenAI's form, whole or as a stream of chunks.

Of a reply, its id, its model and its token counts are read; messages are not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import wrapt

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Wrapper

    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy  # generic from wrapt 2 on

__all__ = ["asynchronously", "synchronously"]


def synchronously(provider: str) -> Wrapper:
    """A wrapper for a method that gives a completion, or an iterable of chunks where it is called with ``stream``."""
    return partial(_complete, provider)


def asynchronously(provider: str) -> Wrapper:
    """The same of a coroutine function, whose stream is an asynchronous iterable."""
    return partial(_complete_async, provider)


def _complete(provider: str, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    call = _begin(provider, instance, kwargs)
    try:
        reply = wrapped(*args, **kwargs)
    except BaseException as error:
        _end(call, error)
        raise
    return _told(call, reply, is_stream=hasattr(reply, "__iter__"), kwargs=kwargs)


async def _complete_async(provider: str, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    call = _begin(provider, instance, kwargs)
    try:
        reply = await wrapped(*args, **kwargs)
    except BaseException as error:
        _end(call, error)
        raise
    return _told(call, reply, is_stream=hasattr(reply, "__aiter__"), kwargs=kwargs)


def _told(call: Any, reply: Any, *, is_stream: bool, kwargs: Any) -> Any:
    if call is None:
        return reply
    if kwargs.get("stream") and is_stream:
        return _Stream(reply, call)
    _record(call, reply)
    _end(call, None)
    return reply


class _Stream(_Proxy):
    """A stream of chunks, and the call that ends as it does: read to its end, broken, or left by its reader.

    The call has ended well once its usage has come, and is cancelled where its reader went away before.
    """

    _self_stream: Any
    _self_call: Any
    _self_parts: Any

    def __init__(self, stream: Any, call: Any) -> None:
        super().__init__(stream)
        self._self_stream = stream
        self._self_call = call
        self._self_parts = None

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self._self_parts is None:
            self._self_parts = iter(self._self_stream)
        try:
            part = next(self._self_parts)
        except StopIteration:
            _end(self._self_call, None)
            raise
        except BaseException as error:
            _end(self._self_call, error)
            raise
        _record(self._self_call, part)
        return part

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        if self._self_parts is None:
            self._self_parts = aiter(self._self_stream)
        try:
            part = await anext(self._self_parts)
        except StopAsyncIteration:
            _end(self._self_call, None)
            raise
        except BaseException as error:
            _end(self._self_call, error)
            raise
        _record(self._self_call, part)
        return part

    def __enter__(self) -> Any:
        self._self_stream.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        _leave(self._self_call)
        return self._self_stream.__exit__(*error)

    async def __aenter__(self) -> Any:
        await self._self_stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> Any:
        _leave(self._self_call)
        return await self._self_stream.__aexit__(*error)

    def close(self) -> Any:
        _leave(self._self_call)
        return self._self_stream.close()

    async def aclose(self) -> Any:
        _leave(self._self_call)
        return await self._self_stream.aclose()

    def __del__(self) -> None:
        _leave(self._self_call)


@quiet
def _begin(provider: str, client: Any, kwargs: Any) -> Any:
    model = kwargs.get("model") or getattr(client, "model", None)
    name = model if isinstance(model, str) and "://" not in model else None
    call = telemetry.model_call(name, provider=provider)
    return call.start(make_current=not kwargs.get("stream"))


@quiet
def _record(call: Any, part: Any) -> None:
    usage = _of(part, "usage") or _of(_of(part, "x_groq"), "usage")  # Groq's streams have it there
    if usage is not None:
        call.record(
            input=_of(usage, "prompt_tokens"),
            output=_of(usage, "completion_tokens"),
            cache_read=_of(_of(usage, "prompt_tokens_details"), "cached_tokens"),
            reasoning=_of(_of(usage, "completion_tokens_details"), "reasoning_tokens"),
            response_model=_of(part, "model") or None,
            response_id=_of(part, "id") or None,
        )


def _of(found: Any, name: str) -> Any:
    value = getattr(found, name, None)  # first, as Hugging Face's dictionaries lack what is not in its API
    return found.get(name) if value is None and isinstance(found, dict) else value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON


@quiet
def _end(call: Any, error: BaseException | None) -> None:
    if call is not None:
        call.end(error)


@quiet
def _leave(call: Any) -> None:
    call.end(GeneratorExit())  # which tells by the usage whether it had come to its end
