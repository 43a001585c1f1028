# ruff: noqa: T201 - it prints for its test
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# LangGraph has no type for much of this.
"""Runs graphs in each way that there is, and prints how each run ended."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt

if TYPE_CHECKING:
    from collections.abc import Callable


@tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"Sunny in {city}"


@tool
def get_stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    raise ConnectionError(symbol)


def ask(thread: str) -> dict[str, Any]:
    """The configuration of a run in that conversation."""
    return {"configurable": {"thread_id": thread}}


def say(text: str) -> dict[str, Any]:
    """The input of a run."""
    return {"messages": [{"role": "user", "content": text}]}


def build() -> Any:
    """A graph with a model, its tools, and a question to a human."""
    tools = [get_weather, get_stock_price]
    model = ChatOpenAI(model="gpt-5-mini", api_key=os.environ["MODEL_API_KEY"], max_retries=0, stream_usage=True)  # pyright: ignore[reportArgumentType] - a plain text will do
    asking = model.bind_tools(tools)

    def think(state: MessagesState) -> dict[str, Any]:
        if "human" in str(state["messages"][-1].content):
            interrupt("really?")
        return {"messages": [asking.invoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "think")
    return graph.compile(checkpointer=InMemorySaver(), name="helper")


def outcome(run: Callable[[], Any]) -> str:
    """How a run ends."""
    try:
        return "interrupted" if "__interrupt__" in run() else "ended"
    except Exception as error:  # noqa: BLE001 - its class is what is printed
        return type(error).__name__


async def main(graph: Any) -> None:
    """The asynchronous runs: two conversations at once, and one that is cancelled."""
    await asyncio.gather(graph.ainvoke(say("weather"), ask("left")), graph.ainvoke(say("weather"), ask("right")))
    try:
        await asyncio.wait_for(graph.ainvoke(say("slow"), ask("cancelled")), 1)
    except asyncio.TimeoutError:
        print("cancelled")


helper = build()
print("whole", outcome(lambda: helper.invoke(say("weather"), ask("whole"))))
print("streamed", outcome(lambda: list(helper.stream(say("weather"), ask("streamed")))[-1]))
print("tool error", outcome(lambda: helper.invoke(say("stock"), ask("tool error"))))
print("rate limit", outcome(lambda: helper.invoke(say("rate limit"), ask("limited"))))
print("paused", outcome(lambda: helper.invoke(say("ask a human"), ask("paused"))))
print("resumed", outcome(lambda: helper.invoke(Command(resume="yes"), ask("paused"))))
asyncio.run(main(helper))
