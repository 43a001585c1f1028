"""A function agent of LlamaIndex, on OpenAI's chat completions."""

from __future__ import annotations

import os

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.workflow import Context
from llama_index.llms.openai import OpenAI
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    model = OpenAI(
        MODEL,
        api_base=os.environ["OPENAI_BASE_URL"],
        max_retries=0,
        additional_kwargs={"stream_options": {"include_usage": True}} if stream else {},
    )
    agent = FunctionAgent(name=AGENT, llm=model, tools=[get_weather, get_stock_price], streaming=stream)
    run = agent.run(question, ctx=Context(agent))
    async for _ in run.stream_events():
        pass
    await run


tell(ask)
