"""A deep agent, on OpenAI's chat completions."""

from __future__ import annotations

from deepagents import create_deep_agent
from langchain_openai import ChatOpenAI
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    model = ChatOpenAI(model=MODEL, max_retries=0, stream_usage=True)
    agent = create_deep_agent(model=model, tools=[get_weather, get_stock_price], name=AGENT)
    asked = {"messages": [{"role": "user", "content": question}]}
    config = {"configurable": {"thread_id": conversation}}
    if not stream:
        await agent.ainvoke(asked, config)
        return
    async for _ in agent.astream(asked, config, stream_mode="messages"):
        pass


tell(ask)
