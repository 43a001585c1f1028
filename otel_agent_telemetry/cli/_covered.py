"""Which libraries an extra of ours covers, and by what: a row each, read by ``agent-telemetry doctor``.

A library that a module of ours shows, or that shows itself in every version, has no row. What each extra brings and why
is in ``docs/reference/instrumentations.md``; ``tests/cli/test_doctor.py`` compares the rows with ``pyproject.toml``.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ROWS", "UNSEEN", "Row"]


class Row(NamedTuple):
    """One library: a distribution's name, the extra that covers it, and the distributions of that extra that do."""

    library: str
    extra: str
    needs: tuple[str, ...]
    below: str | None = None
    """From this version on the library has spans of its own."""
    unless: str | None = None
    """A module that has the library's spans where it is installed, such as ``fastapi.telemetry``."""
    left_alone_from: str | None = None
    """From this version on what the extra brings leaves the library alone."""


_REQUESTS = ("opentelemetry-util-http",)
_CONTRIB = "opentelemetry-instrumentation-"
_OPENAI = "opentelemetry-instrumentation-genai-openai"

ROWS = (
    Row("agno", "agno", ("openinference-instrumentation-agno", _OPENAI)),
    Row("aiohttp", "clients", (f"{_CONTRIB}aiohttp-client",)),
    Row("aiohttp", "web", _REQUESTS),
    Row("anthropic", "anthropic", ("opentelemetry-instrumentation-genai-anthropic",), below="2.12"),
    Row("asyncpg", "clients", (f"{_CONTRIB}asyncpg",)),
    Row("autogen-agentchat", "autogen", (_OPENAI,)),
    Row("boto3", "bedrock", ("opentelemetry-instrumentation-genai-bedrock",)),
    Row("cohere", "cohere", ("openinference-instrumentation-cohere",)),
    Row("django", "web", _REQUESTS),
    Row("fastapi", "web", _REQUESTS, unless="fastapi.telemetry"),
    Row("flask", "web", _REQUESTS),
    Row("google-genai", "google", ("openinference-instrumentation-google-genai",)),
    Row("httpx", "clients", (f"{_CONTRIB}httpx",)),
    Row("litellm", "litellm", ("openinference-instrumentation-litellm",)),
    Row("litestar", "web", _REQUESTS),
    Row("llama-index-core", "llama-index", ("opentelemetry-instrumentation-genai-llama-index", _OPENAI)),
    Row("mistralai", "mistral", ("openinference-instrumentation-mistralai",)),
    Row("ollama", "ollama", ("openinference-instrumentation-ollama",)),
    Row("openai", "openai", (_OPENAI,)),
    Row("psycopg", "clients", (f"{_CONTRIB}psycopg",)),
    Row("pymongo", "clients", (f"{_CONTRIB}pymongo",)),
    Row("quart", "web", _REQUESTS),
    Row("redis", "clients", (f"{_CONTRIB}redis",)),
    Row("sanic", "web", _REQUESTS),
    Row("smolagents", "smolagents", ("opentelemetry-instrumentation-genai-smolagents", _OPENAI)),
    Row("sqlalchemy", "clients", (f"{_CONTRIB}sqlalchemy",), left_alone_from="2.1"),
    Row("starlette", "web", _REQUESTS, unless="fastapi.telemetry"),
    Row("together", "together", ("openinference-instrumentation-together",)),
)

UNSEEN = {
    "aiobotocore": "model calls of Bedrock",
    "openhands-sdk": "sessions, runs and tools",
    "pipecat-ai": "conversations and tools",
}
"""Library -> what of it is shown by no module of ours and by no extra."""
