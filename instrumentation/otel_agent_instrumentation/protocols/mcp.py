"""Protocol sessions of MCP servers, and the tool calls of MCP clients.

The SDK emits spans of its own (scope ``mcp-python-sdk``) and carries trace context in ``params._meta`` (SEP-414). Those
of the server say all about a tool call and are used as they are; those of the client know neither the tool's name nor
whether it failed, so ``mcp.client.session.ClientSession.call_tool`` is wrapped. Sessions come from a middleware at the
end of ``mcp.server.lowlevel.server.Server.middleware``: one begins with ``initialize`` and ends when its connection
closes (``Connection.exit_stack``). From protocol version 2026-07-28 on there are no sessions. A server that an agent
framework runs inside its own process (:data:`in_process`) has none either: it is a part of that agent.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["McpInstrumentor", "in_process"]

in_process: ContextVar[bool] = ContextVar("agent_telemetry_in_process_mcp", default=False)
"""Whether this code serves an agent framework that runs an MCP server inside its own process."""


class McpInstrumentor(FrameworkInstrumentor):
    """Reports the sessions of MCP servers and the tool calls of clients."""

    requires: ClassVar[tuple[str, ...]] = ("mcp >= 2.0, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Hook the client, and give each server that is made a middleware of ours."""

        def server(module: Any) -> None:
            sessions = _Sessions()
            hooks.later(sessions.leave)
            hooks.wrap(module.Server, "__init__", sessions.made)

        hooks.when_imported("mcp.server.lowlevel.server", server)
        hooks.when_imported(
            "mcp.client.session", lambda module: hooks.wrap(module.ClientSession, "call_tool", _call_tool)
        )


async def _call_tool(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    call = _begin(args[0] if args else kwargs.get("name"))
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        _end(call, error)
        raise
    _end(call, "tool_error" if getattr(result, "is_error", False) else None)
    return result


@quiet
def _begin(name: Any) -> Any:
    return telemetry.tool(name).start()


@quiet
def _end(call: Any, error: BaseException | str | None) -> None:
    if call is not None:
        call.end(error)


class _Sessions:
    """The middleware, and the servers that have it."""

    def __init__(self) -> None:
        self._servers: WeakSet[Any] = WeakSet()

    def made(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        self._join(instance)

    @quiet
    def _join(self, server: Any) -> None:
        server.middleware.append(self._observe)
        self._servers.add(server)

    def leave(self) -> None:
        for server in self._servers:
            server.middleware.remove(self._observe)

    async def _observe(self, context: Any, call_next: Any) -> Any:
        result = await call_next(context)
        if context.method == "initialize" and not in_process.get():
            _open(context)
        return result


@quiet
def _open(context: Any) -> None:
    connection = context.session._connection  # noqa: SLF001 - the connection is public, the way to it is not
    session = telemetry.session(id=connection.session_id, harness_provider="mcp")
    session.start(make_current=False)
    connection.exit_stack.callback(quiet(session.end))
