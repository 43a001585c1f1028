"""An agent of the Claude Agent SDK: the CLI that its wheel brings, the tools as an MCP server in this process."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, create_sdk_mcp_server, query, tool
from story import AGENT, MODEL, get_stock_price, get_weather, tell

ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "ENABLE_TOOL_SEARCH": "false",
}


@tool("get_weather", "Tell the weather in a city.", {"city": str})
async def weather(given: dict[str, Any]) -> dict[str, Any]:
    """The weather, as MCP wants it."""
    return {"content": [{"type": "text", "text": get_weather(**given)}]}


@tool("get_stock_price", "Tell the price of a share.", {"symbol": str})
async def stock_price(given: dict[str, Any]) -> dict[str, Any]:
    """The price, as MCP wants it."""
    return {"content": [{"type": "text", "text": get_stock_price(**given)}]}


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    offered = ["mcp__tools__get_weather", "mcp__tools__get_stock_price"]
    options = ClaudeAgentOptions(
        agents={AGENT: AgentDefinition(description="Answers.", prompt="Answer.", tools=offered)},
        extra_args={"agent": AGENT},
        model=MODEL,
        session_id=str(uuid5(NAMESPACE_URL, conversation)),
        mcp_servers={"tools": create_sdk_mcp_server("tools", tools=[weather, stock_price])},
        allowed_tools=offered,
        setting_sources=[],
        include_partial_messages=stream,
        env=ENVIRONMENT,
        stderr=lambda _: None,  # the CLI remarks there that it does not know the model
    )
    async for _ in query(prompt=question, options=options):
        pass


tell(ask)
