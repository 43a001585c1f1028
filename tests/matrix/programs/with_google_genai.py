"""A chat of Google's GenAI client, which calls Python functions as tools by itself."""

from __future__ import annotations

from google import genai
from google.genai import types
from story import get_stock_price, get_weather, tell


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and have the client call its tools."""
    client = genai.Client()
    options = types.GenerateContentConfig(tools=[get_weather, get_stock_price])
    chat = client.aio.chats.create(model="gemini-2.5-flash", config=options)
    if not stream:
        await chat.send_message(question)
        return
    async for _ in await chat.send_message_stream(question):
        pass


tell(ask)
