"""Who serves a model, and who runs an agent, in the contract's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVIDER = (semconv.GEN_AI_PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system")
_FRAMEWORKS = frozenset({"langchain", "langgraph", "strands-agents", "microsoft.agent_framework"})
_PROVIDERS = {
    "aws": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
_HARNESSES = {
    "agent_framework": "agent-framework",
    "autogen-core": "autogen",
    "crewai": "crewai",
    "gcp.vertex.agent": "google-adk",
    "mcp-python-sdk": "mcp",
    "openinference.instrumentation.langchain": "langchain",
    "openinference.instrumentation.openai_agents": "openai-agents",
    "openinference.instrumentation.smolagents": "smolagents",
    "opentelemetry.instrumentation.genai.langchain": "langchain",
    "opentelemetry.instrumentation.genai.openai_agents": "openai-agents",
    "opentelemetry.instrumentation.genai.smolagents": "smolagents",
    "opentelemetry.instrumentation.langchain": "langchain",
    "opentelemetry.instrumentation.openai_agents": "openai-agents",
    "pydantic-ai": "pydantic-ai",
    "strands.telemetry.tracer": "strands",
}
"""Instrumentation scope -> harness; only says who ran an agent, never what a span is."""


def provider(attributes: Mapping[str, object]) -> str | None:
    """Who serves the model, in the semantic conventions' spelling where it is one of theirs; a framework is nobody."""
    for key in PROVIDER:
        value = attributes.get(key)
        if value and isinstance(value, str) and (lower := value.lower()) not in _FRAMEWORKS:
            return _PROVIDERS.get(lower, lower)
    return None


def harness(scope: str) -> str | None:
    """The agent framework that an instrumentation scope belongs to."""
    return _HARNESSES.get(scope)
