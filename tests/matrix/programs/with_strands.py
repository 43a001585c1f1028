"""An agent of Strands, on OpenAI's chat completions, with a session manager of its own per conversation."""

from __future__ import annotations

import logging
from tempfile import TemporaryDirectory

from story import AGENT, MODEL, get_stock_price, get_weather, tell
from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.session.file_session_manager import FileSessionManager

logging.getLogger("strands").addHandler(logging.NullHandler())


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    with TemporaryDirectory() as folder:
        agent = Agent(
            model=OpenAIModel(client_args={"max_retries": 0}, model_id=MODEL),
            name=AGENT,
            tools=[tool(get_weather), tool(get_stock_price)],
            session_manager=FileSessionManager(conversation, storage_dir=folder),
            callback_handler=None,
            retry_strategy=None,
        )
        if not stream:
            await agent.invoke_async(question)
            return
        async for _ in agent.stream_async(question):
            pass


tell(ask)
