"""An agent of DSPy, on OpenAI's chat completions by DSPy's own client."""

from __future__ import annotations

import os

import dspy
from story import MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    base = os.environ["OPENAI_BASE_URL"]
    lm = dspy.LM(f"openai/{MODEL}", engine="lm15", api_base=base, cache=False, num_retries=0)
    agent = dspy.ReActV2("question -> answer", tools=[get_weather, get_stock_price])
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter(use_native_function_calling=True)):
        if not stream:
            await agent.acall(question=question)
            return
        async for _ in dspy.streamify(agent, is_async_program=True)(question=question):
            pass


tell(ask)
