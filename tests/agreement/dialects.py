"""What instrumentations write on a span: the same call, tool or run in the words of each dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Attributes: TypeAlias = "dict[str, object]"
Tokens: TypeAlias = "tuple[int, int] | None"

SCOPES = {
    "new": "opentelemetry.instrumentation.genai.acme",
    "old": "acme.tracer",
    "openinference": "openinference.instrumentation.acme",
    "traceloop": "opentelemetry.instrumentation.acme",
    "ours": "otel_agent_telemetry",
    "client": "opentelemetry.instrumentation.genai.openai",
    "twin": "openinference.instrumentation.langchain",
    "other twin": "opentelemetry.instrumentation.langchain",
    "router": "litellm",
    "mcp client": "acme.mcp",
    "mcp server": "mcp-python-sdk",
    "web": "opentelemetry.instrumentation.asgi",
}
MODEL = "orca-mini"
_TOKENS = {
    "new": ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
    "old": ("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"),
    "openinference": ("llm.token_count.prompt", "llm.token_count.completion"),
    "traceloop": ("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"),
    "ours": ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
}
_CALLS: Mapping[str, Mapping[str, object]] = {
    "new": {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": MODEL},
    "old": {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": MODEL},
    "openinference": {"openinference.span.kind": "LLM", "llm.model_name": MODEL},
    "traceloop": {"llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": MODEL},
    "ours": {"agent.lifecycle": "model_call", "gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL},
}
_CONVERSATION = {
    "openinference": "session.id",
    "traceloop": "traceloop.association.properties.session_id",
}


def tokens(dialect: str, used: Tokens) -> Attributes:
    """Tokens, where they are known."""
    return dict(zip(_TOKENS[dialect], used, strict=True)) if used is not None else {}


def call(dialect: str, used: Tokens, response: str | None = None) -> Attributes:
    """A model call, with the id of its response if that is told."""
    answered: Attributes = {"gen_ai.response.id": response} if response is not None else {}
    return {**_CALLS[dialect], **tokens(dialect, used), **answered}


def tool(dialect: str, name: str) -> Attributes:
    """A tool call."""
    if dialect == "openinference":
        return {"openinference.span.kind": "TOOL", "tool.name": name}
    if dialect == "traceloop":
        return {"traceloop.span.kind": "tool", "traceloop.entity.name": name}
    ours: Attributes = {"agent.lifecycle": "tool"} if dialect == "ours" else {}
    return {**ours, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}


def run(dialect: str, name: str, conversation: str | None) -> Attributes:
    """An agent's run, with its conversation if that is told."""
    talk: Attributes = (
        {} if conversation is None else {_CONVERSATION.get(dialect, "gen_ai.conversation.id"): conversation}
    )
    if dialect == "openinference":
        return {"openinference.span.kind": "AGENT", "agent.name": name, **talk}
    if dialect == "traceloop":
        return {"traceloop.span.kind": "agent", "gen_ai.agent.name": name, "traceloop.entity.name": name, **talk}
    ours: Attributes = {"agent.lifecycle": "agent"} if dialect == "ours" else {}
    return {**ours, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, **talk}


def workflow() -> Attributes:
    """A workflow around a run."""
    return {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "triage"}


def session(name: str, conversation: str) -> Attributes:
    """A session of ours."""
    return {"agent.lifecycle": "session", "gen_ai.agent.name": name, "gen_ai.conversation.id": conversation}


def chain(used: Tokens) -> Attributes:
    """A step of a graph, which may repeat what was used below it."""
    return {"openinference.span.kind": "CHAIN", **tokens("openinference", used)}


def mcp(name: str) -> Attributes:
    """A tool call as MCP's client or server tells it."""
    return {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
