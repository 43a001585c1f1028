"""What the matrix drives, and what people call it."""

from __future__ import annotations

from typing import NamedTuple

from tests.matrix.environments import Environment, environment_of


class Row(NamedTuple):
    """What the matrix calls it, what people call it, its distribution, and the environment where that is another's."""

    name: str
    label: str
    distribution: str
    environment: str = ""

    @property
    def version(self) -> str:
        """The version that is pinned where it runs."""
        place = Environment(self.environment) if self.environment else environment_of(self.name)
        return place.versions[self.distribution]


AGENTS = (
    Row("openai-agents", "OpenAI Agents SDK", "openai-agents"),
    Row("langgraph", "LangGraph", "langgraph"),
    Row("langgraph", "LangChain", "langchain"),
    Row("claude-agent-sdk", "Claude Agent SDK", "claude-agent-sdk"),
    Row("crewai", "CrewAI", "crewai"),
    Row("pydantic-ai", "Pydantic AI", "pydantic-ai-slim"),
    Row("google-adk", "Google ADK", "google-adk"),
    Row("strands", "Strands", "strands-agents"),
    Row("agent-framework", "Agent Framework", "agent-framework-core"),
    Row("autogen", "AutoGen", "autogen-agentchat"),
    Row("ag2", "AG2", "ag2"),
    Row("semantic-kernel", "Semantic Kernel", "semantic-kernel"),
    Row("agno", "Agno", "agno"),
    Row("dspy", "DSPy", "dspy"),
    Row("haystack", "Haystack", "haystack-ai"),
    Row("beeai", "BeeAI", "beeai-framework", "litellm"),
    Row("browser-use", "browser-use", "browser-use"),
    Row("livekit", "LiveKit Agents", "livekit-agents", "agents"),
    Row("deepagents", "Deep Agents", "deepagents"),
    Row("llama-index", "LlamaIndex", "llama-index-core"),
    Row("smolagents", "smolagents", "smolagents"),
)
CLIENTS = (
    Row("vllm", "openai (and vLLM by it)", "openai", "providers"),
    Row("anthropic", "anthropic", "anthropic"),
    Row("google-genai", "google-genai", "google-genai"),
    Row("vertex", "google-genai on Vertex AI", "google-genai", "google-genai"),
    Row("litellm", "LiteLLM", "litellm"),
    Row("bedrock", "Bedrock by boto3", "boto3", "providers"),
    Row("langchain-aws", "langchain-aws", "langchain-aws", "providers"),
    Row("ollama", "Ollama", "ollama", "providers"),
    Row("groq", "Groq", "groq", "providers"),
    Row("mistral", "Mistral", "mistralai", "providers"),
    Row("together", "Together", "together", "providers"),
    Row("cohere", "Cohere", "cohere", "providers"),
    Row("huggingface", "Hugging Face", "huggingface-hub", "providers"),
    Row("instructor", "Instructor", "instructor", "agents-openai-2"),
    Row("mirascope", "Mirascope", "mirascope", "agents-openai-2"),
    Row("mem0", "mem0", "mem0ai", "agents-openai-2"),
)
ASIDE = (
    Row("bedrock-invoke", "Bedrock by boto3, InvokeModel", "boto3", "providers"),
    Row("google-adk-genai", "Google ADK beside google-genai's instrumentation", "google-adk"),
    Row("google-genai-direct", "google-genai without functions that it calls itself", "google-genai"),
    Row("langgraph-plain", "LangGraph without the extra langchain", "langgraph"),
    Row("openai", "openai", "openai"),
    Row("openai-agents-plain", "OpenAI Agents SDK without upstream's instrumentation", "openai-agents"),
)
"""A second program, or a second environment, of one that is there."""
ROWS = AGENTS + CLIENTS + ASIDE
