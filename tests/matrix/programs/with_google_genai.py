"""Google's GenAI client, which calls Python functions as tools by itself."""

from __future__ import annotations

from google import genai
from google.genai import types
from story import get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and have the client call its tools."""
    client = genai.Client()
    options = types.GenerateContentConfig(tools=[get_weather, get_stock_price])
    if not stream:
        await client.aio.models.generate_content(model="gemini-2.5-flash", contents=question, config=options)
        return
    async for _ in await client.aio.models.generate_content_stream(
        model="gemini-2.5-flash", contents=question, config=options
    ):
        pass


tell(ask)
