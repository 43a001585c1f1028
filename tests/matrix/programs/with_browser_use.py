"""An agent of browser-use with a real browser, on OpenAI's chat completions."""

from __future__ import annotations

import logging
import os
import shutil

import posthog
from browser_use import Agent, BrowserProfile, ChatOpenAI, Tools
from story import MODEL, tell_all
from story import get_stock_price as stock_price
from story import get_weather as weather

posthog.Posthog.capture = lambda *_, **__: None  # to its vendor, and off by the variable that is ours too
tools = Tools()


@tools.action("Tell the weather in a city.")
async def get_weather(city: str) -> str:
    """Tell it."""
    return weather(city)


@tools.action("Tell the price of a share.")
async def get_stock_price(symbol: str) -> str:
    """Tell it."""
    return stock_price(symbol)


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent, which never streams."""
    model = ChatOpenAI(model=MODEL, base_url=os.environ["BROWSER_USE_BASE_URL"], max_retries=0)
    browser = BrowserProfile(
        headless=True,
        executable_path=shutil.which("chromium"),
        chromium_sandbox=False,
        enable_default_extensions=False,  # which it gets from elsewhere
    )
    agent = Agent(
        question,
        llm=model,
        tools=tools,
        browser_profile=browser,
        max_failures=1,
        final_response_after_failure=False,
        use_vision=False,
        use_judge=False,
    )
    await agent.run(max_steps=3)


logging.disable()  # it writes down each step
tell_all(ask)
