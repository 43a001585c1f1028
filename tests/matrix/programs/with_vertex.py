"""Google's GenAI client on Vertex AI."""

from __future__ import annotations

import os
from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
OPTIONS = types.GenerateContentConfig(
    tools=[*TOOLS.values()], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
)


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    options = types.HttpOptions(base_url=os.environ["GOOGLE_VERTEX_BASE_URL"])
    known: Any = {"vertexai": True, "project": "acme", "location": "us-central1", "credentials": Credentials("none")}
    client = genai.Client(**known, http_options=options)
    messages: list[Any] = [types.Content(role="user", parts=[types.Part(text=question)])]
    while calls := await (streamed if stream else whole)(client, messages):
        answers = [(call.name, TOOLS[call.name](**call.args)) for call in calls]
        messages.append(types.Content(role="model", parts=[types.Part(function_call=call) for call in calls]))
        parts = [types.Part.from_function_response(name=name, response={"result": said}) for name, said in answers]
        messages.append(types.Content(role="user", parts=parts))


async def whole(client: Any, messages: Any) -> list[Any]:
    """The calls of functions in a whole reply."""
    asked = {"model": "gemini-2.5-flash", "contents": messages, "config": OPTIONS}
    return (await client.aio.models.generate_content(**asked)).function_calls or []


async def streamed(client: Any, messages: Any) -> list[Any]:
    """The calls of functions in a streamed reply."""
    asked = {"model": "gemini-2.5-flash", "contents": messages, "config": OPTIONS}
    parts = [part async for part in await client.aio.models.generate_content_stream(**asked)]
    return [call for part in parts for call in part.function_calls or ()]


tell_all(ask)
