"""A conversation by the Claude Agent SDK, whose ``query`` another instrumentation has wrapped."""

from __future__ import annotations

import asyncio
from typing import Any

import claude_agent_sdk
import wrapt
from claude_agent_sdk import ClaudeAgentOptions


def other(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    """What another instrumentation does here is its own business."""
    return wrapped(*args, **kwargs)


async def main() -> None:
    """Ask."""
    wrapt.wrap_function_wrapper(claude_agent_sdk, "query", other)
    options = ClaudeAgentOptions(
        model="claude-haiku-4-5", setting_sources=[], env={"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    )
    async for _ in claude_agent_sdk.query(prompt="hello", options=options):
        pass


asyncio.run(main())
