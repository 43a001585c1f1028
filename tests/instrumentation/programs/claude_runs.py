# ruff: noqa: T201 - it prints for its test
"""Talks to the Claude Code CLI in each way that the Claude Agent SDK has; prints how each conversation ended.

Arguments are the names of conversations; without any it has them all.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import claude_agent_sdk
from claude_agent_sdk import (
    AgentDefinition,
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    create_sdk_mcp_server,
    query,
    tool,
)
from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "ENABLE_TOOL_SEARCH": "false",
}
TOOLS = ["mcp__tools__get_weather", "mcp__tools__get_stock_price"]


class HostError(Exception):
    """The program's own."""


def ignore(line: str) -> None:
    """What the CLI says beside its messages."""


def conversation(name: str, *, during: asyncio.Event | None = None, **more: Any) -> ClaudeAgentOptions:
    """Options for a conversation of that name; its weather never comes where ``during`` is to be set."""

    @tool("get_weather", "Tell the weather.", {"city": str})
    async def get_weather(given: dict[str, Any]) -> dict[str, Any]:
        if during is not None:
            during.set()
            await asyncio.Event().wait()
        return {"content": [{"type": "text", "text": f"Sunny in {given['city']}"}]}

    @tool("get_stock_price", "Tell the price of a share.", {"symbol": str})
    async def get_stock_price(given: dict[str, Any]) -> dict[str, Any]:
        raise ConnectionError(given["symbol"])

    server = create_sdk_mcp_server("tools", tools=[get_weather, get_stock_price])
    options: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "session_id": str(uuid5(NAMESPACE_URL, name)),
        "mcp_servers": {"tools": server},
        "allowed_tools": TOOLS,
        "setting_sources": [],
        "env": ENVIRONMENT,
        "stderr": ignore,  # the CLI has remarks
    }
    return ClaudeAgentOptions(**{**options, **more})


async def ended(messages: AsyncIterator[Any]) -> str:
    """What the last result says: why the turn ended, and what the session has cost so far."""
    last = [message async for message in messages if isinstance(message, ResultMessage)][-1]
    return f"{last.terminal_reason} {last.total_cost_usd:.6f}"


async def one(question: str, name: str, **more: Any) -> str:
    """A conversation of one turn."""
    return await ended(query(prompt=question, options=conversation(name, **more)))


async def turns() -> str:
    """One client, and turns that end well and badly."""
    said: list[str] = []
    async with ClaudeSDKClient(conversation("turns")) as client:
        for question in ("weather", "hello", "stock", "server error"):
            await client.query(question)
            said.append(await ended(client.receive_response()))
    return ", ".join(said)


async def interrupted() -> str:
    """A turn that is interrupted while the model thinks."""
    async with ClaudeSDKClient(conversation("interrupted")) as client:
        await client.query("slow")
        async for message in client.receive_messages():
            if isinstance(message, SystemMessage) and message.subtype == "init":
                break
        await client.interrupt()
        return await ended(client.receive_response())


async def interrupted_tool() -> str:
    """A turn that is interrupted while a tool runs, which begins before the answer that asks for it is over."""
    during = asyncio.Event()
    options = conversation("interrupted tool", during=during, include_partial_messages=True)
    async with ClaudeSDKClient(options) as client:
        await client.query("weather")
        async for message in client.receive_messages():
            if isinstance(message, StreamEvent) and message.event["type"] == "message_stop":
                break
        await during.wait()
        await client.interrupt()
        return await ended(client.receive_response())


async def left() -> str:
    """A program that has seen enough."""
    messages: Any = query(prompt="weather", options=conversation("left"))
    async with aclosing(messages):
        async for message in messages:
            if isinstance(message, AssistantMessage):
                return "enough"
    return "nothing"


async def broken_off() -> str:
    """A program with an error of its own, in the middle of a turn."""
    async with ClaudeSDKClient(conversation("broken off")) as client:
        await client.query("weather")
        async for message in client.receive_response():
            if isinstance(message, AssistantMessage):
                raise HostError
    return "nothing"


async def delegated() -> str:
    """A main agent with a name, and a subagent."""
    weatherman = AgentDefinition(description="Knows the weather.", prompt="Tell it.", tools=TOOLS)
    boss = AgentDefinition(description="Knows whom to ask.", prompt="Ask.", tools=["Agent"])
    agents = {"weatherman": weatherman, "boss": boss}
    return await one("delegate", "delegated", agents=agents, extra_args={"agent": "boss"})


async def at_once() -> str:
    """Two conversations at once."""
    return ", ".join(await asyncio.gather(one("weather", "left side"), one("weather", "right side")))


async def resumed() -> str:
    """A conversation that a second process goes on with: its first result has the cost of both."""
    first = await one("hello", "resumed")
    session_id = str(uuid5(NAMESPACE_URL, "resumed"))
    return f"{first}, {await one('weather', 'resumed', session_id=None, resume=session_id)}"


def candid_cli() -> Path:
    """The CLI, which writes down the environment that it got."""
    cli = Path(str(claude_agent_sdk.__file__)).with_name("_bundled") / "claude"
    script = Path("cli.sh").absolute()
    script.write_text(f'#!/bin/sh\nprintenv >cli.txt\nexec {shlex.quote(str(cli))} "$@"\n', "utf-8")
    script.chmod(0o700)
    return script


async def within() -> str:
    """A conversation in a span of the program's own."""
    with trace.get_tracer("host").start_as_current_span("around"):
        return await one("hello", "within", cli_path=candid_cli())


async def retried() -> str:
    """A model call that the CLI makes again."""
    return await one("rate limit", "retried", env={**ENVIRONMENT, "CLAUDE_CODE_MAX_RETRIES": "1"})


async def limited() -> str:
    """A turn that needs more model calls than it may make."""
    return await one("weather", "limited", max_turns=1)


CONVERSATIONS = (
    turns,
    interrupted,
    interrupted_tool,
    left,
    broken_off,
    delegated,
    at_once,
    resumed,
    retried,
    limited,
    within,
)


async def main(*names: str) -> None:
    """Those that are named, or all of them."""
    for each in CONVERSATIONS:
        name = each.__name__.replace("_", " ")
        if name in names or not names:
            try:
                print(f"{name}: {await each()}")
            except Exception as error:  # noqa: BLE001 - it is printed
                print(f"{name}: {type(error).__name__}: {error}")


asyncio.run(main(*sys.argv[1:]))
