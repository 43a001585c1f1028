"""Whether an instrumentation of the OpenAI client is active: its spans show the model calls, and ours would not add."""

from __future__ import annotations

import sys
from types import FunctionType

__all__ = ["is_wrapped", "is_wrapper", "openai_is_instrumented"]

# What instrumentations of the client wrap, by the API that a call goes to.
_METHODS = {
    "chat": (
        ("openai.resources.chat.completions", "Completions", "create"),
        ("openai.resources.chat.completions", "AsyncCompletions", "create"),
    ),
    "responses": (
        ("openai.resources.responses", "Responses", "create"),
        ("openai.resources.responses", "AsyncResponses", "create"),
    ),
}
_EVERY_CALL = (("openai", "OpenAI", "request"), ("openai", "AsyncOpenAI", "request"))


def openai_is_instrumented(api: str) -> bool:
    """Whether calls of that API, ``chat`` or ``responses``, have spans of their own."""
    return any(is_wrapped(*method) for method in (*_METHODS[api], *_EVERY_CALL))


def is_wrapper(found: object) -> bool:
    """Whether something wraps a function as wrapt does; by type, as its proxies claim to be what they wrap."""
    return type(found) is not FunctionType and hasattr(found, "__wrapped__")


def is_wrapped(module: str, owner: str, method: str) -> bool:
    """Whether something wraps that method; not where its module is not loaded."""
    return is_wrapper(vars(getattr(sys.modules.get(module), owner, object)).get(method))
