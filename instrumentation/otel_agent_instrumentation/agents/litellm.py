"""What ``openinference-instrumentation-litellm`` misses of LiteLLM's calls.

Its spans are used; two things are added. A stream whose usage the program did not ask for (``stream_options``) has it
all the same where the provider sends it by itself, as Anthropic does: LiteLLM takes it out of what the program reads
and leaves it in ``_hidden_params`` of the last part. Where no part of the provider's had any, LiteLLM puts a guess
there, which is not told. And a function that the program has from where LiteLLM defines it, as by ``from litellm.main
import completion`` or ``import litellm.responses.main``, is that of ``litellm`` itself. Messages are never read.
"""

from __future__ import annotations

import importlib
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, Hooks, quiet
from otel_agent_instrumentation._wrappers import after, before

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

__all__ = ["LiteLLMInstrumentor"]

_UPSTREAM = "openinference.instrumentation.litellm"
_DEFINED_IN = {
    "litellm.main": ("completion", "acompletion", "embedding", "aembedding"),
    "litellm.responses.main": ("responses", "aresponses"),
}


class LiteLLMInstrumentor(FrameworkInstrumentor):
    """Completes another's spans of LiteLLM's calls."""

    requires: ClassVar[tuple[str, ...]] = ("litellm >= 1.80, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the other instrumentation as it comes and goes, and its way of reading streams."""
        elsewhere = Hooks(self.requires)
        hooks.later(elsewhere.undo)
        hooks.when_imported(_UPSTREAM, lambda module: _watch_upstream(module, elsewhere, hooks))


def _watch_upstream(module: Any, elsewhere: Hooks, hooks: Hooks) -> None:
    hooks.wrap(module, "_finalize_sync_streaming_span", partial(_read, _sync, module))
    hooks.wrap(module, "_finalize_streaming_span", partial(_read, _async, module))
    instrumentor = module.LiteLLMInstrumentor
    hooks.wrap(instrumentor, "_instrument", after(lambda *_, **__: _show_all(elsewhere)))
    hooks.wrap(instrumentor, "_uninstrument", before(lambda *_, **__: elsewhere.undo()))
    if instrumentor().is_instrumented_by_opentelemetry:
        _show_all(elsewhere)


def _show_all(elsewhere: Hooks) -> None:
    litellm = importlib.import_module("litellm")
    for module, names in _DEFINED_IN.items():
        for name in names:
            elsewhere.wrap(importlib.import_module(module), name, partial(_call, getattr(litellm, name), f"a{name}"))


def _call(shown: Any, mark: str, wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    """``shown`` in the place of what it shows; but where LiteLLM's asynchronous form calls the other, with its mark."""
    return wrapped(*args, **kwargs) if kwargs.get(mark) is True else shown(*args, **kwargs)


def _read(through: Any, module: Any, wrapped: Any, _instance: Any, args: Any, _kwargs: Any) -> Any:
    span, stream = args
    return wrapped(span, through(stream, partial(_tell, module, span, stream)))


def _sync(stream: Any, tell: Any) -> Generator[Any]:
    part = None
    for part in stream:
        yield part
    tell(part)


async def _async(stream: Any, tell: Any) -> AsyncGenerator[Any]:
    part = None
    async for part in stream:
        yield part
    tell(part)


@quiet
def _tell(module: Any, span: Any, stream: Any, last: Any) -> None:
    if last is None or getattr(last, "usage", None):
        return
    usage = last._hidden_params.get("usage")  # noqa: SLF001 - LiteLLM's documented name for what is beside a reply
    if usage is not None and any(getattr(part, "usage", None) for part in stream.chunks):
        module._set_token_counts_from_usage(span, SimpleNamespace(usage=usage))  # noqa: SLF001 - as it does for any other
