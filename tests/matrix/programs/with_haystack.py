"""An agent of Haystack, on OpenAI's chat completions."""

from __future__ import annotations

from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import create_tool_from_function
from story import MODEL, get_stock_price, get_weather, tell


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    options = {"stream_options": {"include_usage": True}} if stream else {}
    generator = OpenAIChatGenerator(model=MODEL, max_retries=0, generation_kwargs=options)
    tools = [create_tool_from_function(tool) for tool in (get_weather, get_stock_price)]
    agent = Agent(chat_generator=generator, tools=tools, raise_on_tool_invocation_failure=True)
    agent.run([ChatMessage.from_user(question)], streaming_callback=(lambda _: None) if stream else None)


tell(ask)
