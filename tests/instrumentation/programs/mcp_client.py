# ruff: noqa: T201 - it prints for its test
"""Calls the tools of the server: over stdio, and over HTTP at the port that is its argument, in both protocol eras."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, Literal

from mcp import Client, StdioServerParameters


async def call(server: Any, mode: Literal["auto", "legacy"]) -> None:
    """Call a tool that works and one that fails."""
    async with Client(server, mode=mode) as client:
        added = await client.call_tool("add", {"a": 1, "b": 2})
        divided = await client.call_tool("divide", {"a": 1, "b": 0})
        print(mode, added.is_error, divided.is_error)


async def main(port: str) -> None:
    """Each way of calling."""
    stdio = StdioServerParameters(command=sys.executable, args=["-m", "mcp_server"], env=dict(os.environ))
    await call(stdio, "legacy")
    await call(stdio, "auto")
    await call(f"http://127.0.0.1:{port}/mcp", "legacy")
    await call(f"http://127.0.0.1:{port}/mcp", "auto")


asyncio.run(main(sys.argv[1]))
