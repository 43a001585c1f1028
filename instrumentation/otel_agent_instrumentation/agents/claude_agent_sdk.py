"""Sessions, agent runs, tools and model calls of the Claude Agent SDK, by ``query()`` and by ``ClaudeSDKClient``.

The SDK runs the Claude Code CLI, which does all the work and says what it did in messages. Hook: the stream that
``claude_agent_sdk._internal.query.Query`` puts them into, observed on each object from its ``__init__`` to its
``close``; options and hooks of the program stay as they are. A tool of an SDK MCP server learns the trace context of
its call in ``SdkMcpBridge.handle``, so that the server's own span is below ours and both are one call. The CLI itself
gets ``TRACEPARENT`` from the SDK: of the span that is current where the program connects, before there is a session.

A session is the CLI's, a turn is a run of the main agent, and one without a result when the program leaves was
cancelled. A model call is an answer that the CLI shows. Its message tells the input; output and cost are known for
whole turns alone, by ``modelUsage`` of the result. What a turn used beyond what its answers told is on its last call of
that model or, where it has none, on one more: the CLI asks small models on the side without a word. So tokens and cost
are exact for a turn, not for an answer. Prompts, answers, arguments and results are not read. Where another
instrumentation of the SDK is active, its spans are used and this module is silent.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from otel_agent_instrumentation._clients import is_wrapper
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.agents._claude_conversation import Conversation
from otel_agent_instrumentation.protocols.mcp import in_process

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation.agents._claude_conversation import Tool

__all__ = ["ClaudeAgentSDKInstrumentor"]

_TOOL_USE_ID = "claudecode/toolUseId"
_METHODS = ("__init__", "connect", "query", "receive_response", "receive_messages")


class ClaudeAgentSDKInstrumentor(FrameworkInstrumentor):
    """Reports sessions, agent runs, tools and model calls of the Claude Agent SDK."""

    requires: ClassVar[tuple[str, ...]] = ("claude-agent-sdk >= 0.1, < 1",)

    def install(self, hooks: Hooks) -> None:
        """Hook the messages of the CLI, and the calls that it makes to servers in this process."""
        observer = _Observer()
        hooks.later(observer.leave)

        def query(module: Any) -> None:
            hooks.wrap(module.Query, "__init__", observer.made)
            hooks.wrap(module.Query, "close", observer.closed)

        def bridge(module: Any) -> None:
            hooks.wrap(module.SdkMcpBridge, "handle", observer.handled)

        hooks.when_imported("claude_agent_sdk._internal.query", query)
        hooks.when_imported("claude_agent_sdk._internal.sdk_mcp_bridge", bridge)


class _Observer:
    """The conversations that are open, and their tool calls by id."""

    def __init__(self) -> None:
        self._conversations: WeakKeyDictionary[Any, Conversation] = WeakKeyDictionary()
        self._tools: dict[str, Tool] = {}

    def made(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        self._join(instance)

    @quiet
    def _join(self, query: Any) -> None:
        if _is_doubled():
            return
        stream = query._message_send  # noqa: SLF001 - every message passes here, read by the program or not
        send, conversation = stream.send, Conversation(_main_agent(query.transport), self._tools)

        async def observed(message: Any) -> None:
            conversation.see(message)
            await send(message)

        stream.send = observed
        self._conversations[query] = conversation

    async def closed(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            self._end(instance)

    @quiet
    def _end(self, query: Any) -> None:
        conversation = self._conversations.pop(query, None)
        if conversation is not None:
            conversation.end(None)

    @quiet
    def leave(self) -> None:
        for query in list(self._conversations):
            del query._message_send.send  # noqa: SLF001 - as above; what the class has is there again
            self._end(query)

    async def handled(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        token = in_process.set(True)
        try:
            return await wrapped(*(self._carrying(*args) or args), **kwargs)
        finally:
            in_process.reset(token)

    @quiet
    def _carrying(self, message: Any) -> tuple[Any] | None:
        """The message with the trace context of the tool call that it is part of (SEP-414)."""
        params: dict[str, Any] = message.get("params") or {}
        meta: dict[str, Any] = params.get("_meta") or {}
        tool = self._tools.get(meta.get(_TOOL_USE_ID, ""))
        if tool is None or tool.traceparent is None:
            return None
        return ({**message, "params": {**params, "_meta": {**meta, "traceparent": tool.traceparent}}},)


def _is_doubled() -> bool:
    package: Any = sys.modules.get("claude_agent_sdk")
    methods: Any = package.ClaudeSDKClient.__dict__
    return is_wrapper(package.query) or any(is_wrapper(methods.get(name)) for name in _METHODS)


def _main_agent(transport: Any) -> str | None:
    """Which of its agents the program talks to, where it says so by the CLI's option."""
    arguments: dict[str, Any] = getattr(getattr(transport, "_options", None), "extra_args", None) or {}
    return arguments.get("agent")
