"""An agent of Semantic Kernel, on OpenAI's chat completions."""

from __future__ import annotations

import logging

from openai import AsyncOpenAI
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import kernel_function
from story import AGENT, MODEL, get_stock_price, get_weather, tell


class Tools:
    """The tools, as a plugin."""

    get_weather = staticmethod(kernel_function(get_weather))
    get_stock_price = staticmethod(kernel_function(get_stock_price))


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    service = OpenAIChatCompletion(MODEL, async_client=AsyncOpenAI(max_retries=0))
    agent = ChatCompletionAgent(service=service, name=AGENT, plugins=[Tools()])
    thread = ChatHistoryAgentThread(thread_id=conversation)
    if not stream:
        await agent.get_response(question, thread=thread)
        return
    async for _ in agent.invoke_stream(question, thread=thread):
        pass


logging.disable()  # it writes down what a tool raised, with the places where
tell(ask)
