"""Google's GenAI client calls a function that asks a web server; the argument is that server's address."""

from __future__ import annotations

import sys

import urllib3
from google import genai
from google.genai import types

_ADDRESS = sys.argv[1]


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city}: {urllib3.request('GET', _ADDRESS).status}"


options = types.GenerateContentConfig(tools=[get_weather])
client = genai.Client()
for _ in client.models.generate_content_stream(model="gemini-2.5-flash", contents="weather", config=options):
    pass
