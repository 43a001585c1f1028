"""An agent of Google's ADK, on Gemini."""

from __future__ import annotations

import logging

from google.adk.agents import LlmAgent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.runners import InMemoryRunner
from google.genai import types
from story import AGENT, get_stock_price, get_weather, tell

NAME = AGENT.replace("-", "_")  # it has to be an identifier


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    agent = LlmAgent(name=NAME, model="gemini-2.5-flash", tools=[get_weather, get_stock_price])
    runner = InMemoryRunner(agent=agent, app_name="acme")
    await runner.session_service.create_session(app_name="acme", user_id="someone", session_id=conversation)
    mode = StreamingMode.SSE if stream else StreamingMode.NONE
    async for _ in runner.run_async(
        user_id="someone",
        session_id=conversation,
        new_message=types.Content(role="user", parts=[types.Part(text=question)]),
        run_config=RunConfig(streaming_mode=mode),
    ):
        pass


logging.getLogger("google_adk").setLevel(logging.CRITICAL)  # it logs each exception that it lets out
tell(ask)
