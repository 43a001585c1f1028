"""The README's table of what the matrix drives: ``python -m tests.matrix.table`` writes it.

Versions are those that are pinned for the matrix, and so those of its last run; what is not as the model server served
it is what that run had to show to pass (``expected/NAME.toml``, ``differs`` and ``why``).
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any, NamedTuple

from tests.matrix.environments import EXPECTED, ROOT, Environment, environment_of

__all__ = ["AGENTS", "CLIENTS", "README", "table", "written"]

tomllib: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

README = ROOT / "README.md"
_BLOCK = re.compile(r"(?<=<!-- made by tests/matrix/table.py -->\n).*?(?=<!-- as far as here -->)", re.DOTALL)


class Row(NamedTuple):
    """What the matrix calls it, what people call it, its distribution, and the environment where that is another's."""

    name: str
    label: str
    distribution: str
    environment: str = ""


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


def table() -> str:
    """The table, in Markdown."""
    return "\n".join(
        (
            "| | driven in seven ways: a tool, a tool that raises, 429, 500, cancelled, streamed, two at once |",
            "|---|---|",
            f"| agents | {' · '.join(map(_versioned, AGENTS))} |",
            f"| model clients | {' · '.join(map(_versioned, CLIENTS))} |",
            f"| not as served | {' · '.join(_differences())} |",
        )
    )


def written(text: str) -> str:
    """A page with the table in its place."""
    return _BLOCK.sub(lambda _: f"{table()}\n", text)


def _versioned(row: Row) -> str:
    known = Environment(row.environment) if row.environment else environment_of(row.name)
    return f"{row.label} {'.'.join(known.versions[row.distribution].split('.')[:2])}"


def _differences() -> list[str]:
    """What an agent framework cannot tell that the model server knows, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in AGENTS:
        file = EXPECTED / f"{row.name}.toml"
        scenarios: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
        for scenario, told in scenarios.items():
            if "why" in told:
                found.setdefault((row.label, told["why"]), []).append(scenario)
    return [f"{label} ({', '.join(scenarios)}): {why}" for (label, why), scenarios in found.items()]


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
