"""Who serves a model, who runs an agent, and what their words for tokens mean."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

FRAMEWORKS = frozenset({"langchain", "langgraph", "strands-agents", "microsoft.agent_framework"})
"""What some instrumentations give as the provider of a model: it is nobody who serves one."""

CUMULATIVE = "strands-agents"
"""An agent span of this one reports the total of the agent object's life, not of its run (harness-sdk#1267)."""

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


class _Wording(NamedTuple):
    """Whose figures leave something out; ``mark`` is an attribute that only the releases that do so write."""

    scope: str
    provider: str | None
    mark: str | None = None


_INPUT_WITHOUT_CACHE = (
    # Converse counts inputTokens without what came from the cache: opentelemetry-python-contrib#4614
    _Wording("opentelemetry.instrumentation.botocore", "aws.bedrock"),
    _Wording("opentelemetry.instrumentation.bedrock", "aws.bedrock", "gen_ai.usage.cache_read_input_tokens"),
    _Wording("opentelemetry.instrumentation.genai.bedrock", "aws.bedrock"),
    _Wording("@opentelemetry/instrumentation-aws-sdk", "aws.bedrock"),
    # The figures of Anthropic's API as they are, in releases that had these names for the cached part
    _Wording("opentelemetry.instrumentation.anthropic", "anthropic", "gen_ai.usage.cache_read_input_tokens"),
    _Wording("logfire", "anthropic"),  # pydantic/logfire#1812
    _Wording("genkit", "anthropic"),  # genkit-ai/genkit#5412
)
_OUTPUT_WITHOUT_REASONING = (
    # Gemini counts candidatesTokenCount without thoughts: opentelemetry-python-genai#283
    _Wording("gcp.vertex.agent", None, "gen_ai.usage.experimental.reasoning_tokens"),
)


class Inclusion(NamedTuple):
    """Whether a span's input tokens hold the cached ones, and its output tokens the reasoning ones."""

    cached: bool
    reasoning: bool


def provider_named(written: str) -> str:
    """A provider in the semantic conventions' spelling where it is one of theirs."""
    lower = written.lower()
    return _PROVIDERS.get(lower, lower)


def harness(scope: str) -> str | None:
    """The agent framework that an instrumentation scope belongs to."""
    return _HARNESSES.get(scope)


def inclusion(
    scope: str,
    provider: str | None,
    attributes: object,
    figures: tuple[int, int, int, int, int | None],
) -> Inclusion:
    """What is included in a span's (input, output, cached, reasoning, total) tokens; 0 for a part it does not name.

    The conventions include both. A part that is larger than the whole is not in it; else the total tells, where the
    span has one, and else who wrote the span.
    """
    given, made, cached, reasoning, total = figures
    if total is not None and (found := _by_total(given, made, cached, reasoning, total)) is not None:
        return found
    return Inclusion(
        cached <= given and not _is_among(_INPUT_WITHOUT_CACHE, scope, provider, attributes),
        reasoning <= made and not _is_among(_OUTPUT_WITHOUT_REASONING, scope, provider, attributes),
    )


def _by_total(given: int, made: int, cached: int, reasoning: int, total: int) -> Inclusion | None:
    if total == given + made:
        return Inclusion(cached <= given, reasoning <= made)
    for without_cached, without_reasoning in ((True, False), (False, True), (True, True)):
        parts = cached * without_cached + reasoning * without_reasoning
        if parts and total == given + made + parts:
            return Inclusion(not without_cached, not without_reasoning)
    return None


def _is_among(rows: tuple[_Wording, ...], scope: str, provider: str | None, attributes: object) -> bool:
    return any(mark is None or mark in attributes for mark in _marks(rows, scope, provider))  # pyright: ignore[reportOperatorIssue] - any container of names


@lru_cache(maxsize=256)
def _marks(rows: tuple[_Wording, ...], scope: str, provider: str | None) -> tuple[str | None, ...]:
    """The marks of the rows that speak of that instrumentation and provider."""
    return tuple(
        row.mark for row in rows if scope.startswith(row.scope) and (row.provider is None or row.provider == provider)
    )
