"""Mirascope on OpenAI's client: a model that is asked again with what the tools that it calls gave."""

from __future__ import annotations

from mirascope import llm
from story import MODEL, get_stock_price, get_weather, tell_all

TOOLS = [llm.tool(get_weather), llm.tool(get_stock_price)]


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and have the tools called that it asks for."""
    model = llm.Model(f"openai/{MODEL}:completions")
    reply = (model.stream if stream else model.call)(question, tools=TOOLS)
    while True:
        if stream:
            reply.finish()
        if not reply.tool_calls:
            break
        reply = reply.resume(reply.execute_tools())


completions = llm.register_provider("openai")._completions_provider  # noqa: SLF001 - no option says how often it asks
completions.client.max_retries = 0
tell_all(ask)
