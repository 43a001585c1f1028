"""Google's GenAI client without a chat: one call that asks the model again for as long as it calls functions."""

from __future__ import annotations

import logging

from google import genai
from google.genai import types
from story import get_stock_price, get_weather, tell


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and have the client call its tools."""
    client = genai.Client()
    options = types.GenerateContentConfig(tools=[get_weather, get_stock_price])
    if stream:
        for _ in client.models.generate_content_stream(model="gemini-2.5-flash", contents=question, config=options):
            pass
    else:
        client.models.generate_content(model="gemini-2.5-flash", contents=question, config=options)


logging.getLogger("google_genai.models").setLevel(logging.ERROR)  # it recommends chats
tell(ask)
