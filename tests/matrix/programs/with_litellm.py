"""LiteLLM alone: a loop of the program's own around its completions and their tools."""

from __future__ import annotations

import json
from typing import Any

import litellm
from story import MODEL, get_stock_price, get_weather, tell

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
OFFERED: Any = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in TOOLS]


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    messages: Any = [{"role": "user", "content": question}]
    while (reply := await complete(messages, conversation, stream=stream)).tool_calls:
        messages.append(reply.model_dump())
        for call in reply.tool_calls:
            answer = TOOLS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": answer})


async def complete(messages: Any, conversation: str, *, stream: bool) -> Any:
    """The model's message, whole or put together from the parts of a stream."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    about = {"session_id": conversation}
    reply: Any = await litellm.acompletion(
        model=f"openai/{MODEL}", messages=messages, tools=OFFERED, metadata=about, max_retries=0, **options
    )
    if stream:
        reply = litellm.stream_chunk_builder([chunk async for chunk in reply])
    return reply.choices[0].message


litellm.suppress_debug_info = True  # it would print an invitation with each error
tell(ask)
