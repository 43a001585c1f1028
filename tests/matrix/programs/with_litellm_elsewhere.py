"""LiteLLM's functions from where it defines them, and streams whose usage nobody asked for."""

from __future__ import annotations

import asyncio

import litellm
from litellm.main import acompletion, completion
from litellm.responses.main import aresponses

CLAUDE = "anthropic/claude-sonnet-4-5"
GPT = "openai/gpt-5-mini"
ASKED = [{"role": "user", "content": "How are you?"}]


async def main() -> None:
    """Ask in each way; all but the last one get a usage."""
    for complete in (acompletion, litellm.acompletion):
        async for _ in await complete(model=CLAUDE, messages=ASKED, stream=True):
            pass
    await aresponses(model=GPT, input="How are you?")
    async for _ in await aresponses(model=GPT, input="How are you?", stream=True):
        pass
    async for _ in await acompletion(model=GPT, messages=ASKED, stream=True):
        pass


litellm.suppress_debug_info = True
asyncio.run(main())
for _ in completion(model=CLAUDE, messages=ASKED, stream=True):
    pass
