"""An agent of LangChain, which LangGraph runs, with a checkpointer, on OpenAI's chat completions."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from story import AGENT, MODEL, get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    model = ChatOpenAI(model=MODEL, max_retries=0, streaming=stream, stream_usage=True)
    agent = create_agent(model, tools=[get_weather, get_stock_price], checkpointer=InMemorySaver(), name=AGENT)
    asked = {"messages": [{"role": "user", "content": question}]}
    thread = {"configurable": {"thread_id": conversation}}
    if not stream:
        await agent.ainvoke(asked, thread)
        return
    async for _ in agent.astream(asked, thread, stream_mode="messages"):
        pass


tell(ask)
