"""A crew of CrewAI, of one agent and one task, on OpenAI's chat completions."""

from __future__ import annotations

import logging

from crewai import LLM, Agent, Crew, Task
from crewai.events.utils.console_formatter import set_suppress_console_output
from crewai.tools import tool
from story import AGENT, MODEL, get_stock_price, get_weather, tell

logging.disable()  # CrewAI's own words on standard error
TOOLS = [tool(get_weather.__name__)(get_weather), tool(get_stock_price.__name__)(get_stock_price)]


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Have the crew answer; it has no conversations."""
    set_suppress_console_output(True)
    agent = Agent(
        role=AGENT,
        goal="Answer.",
        backstory=conversation,
        llm=LLM(model=MODEL, max_retries=0, stream=stream),
        tools=TOOLS,
        max_retry_limit=0,
    )
    task = Task(description=question, expected_output="An answer.", agent=agent)
    Crew(name=AGENT, agents=[agent], tasks=[task]).kickoff()


tell(ask)
