"""What every program of the matrix does: asks its agent in one way that the test names, and says how that ended."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "canary-4711"  # noqa: S105 - a word to look for
"""In everything that an operator's program says, names or raises; nowhere in an event."""

AGENT = f"{SECRET}-agent"
MODEL = "gpt-5-mini"

_QUESTIONS = {
    "ok": "weather",
    "tool error": "stock",
    "rate limit": "rate limit",
    "server error": "server error",
    "cancel": "slow",
    "stream": "weather",
}
_PATIENCE_SECONDS = 60
_LOOK_SECONDS = 0.05
_SIDES = ("left", "right")


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Sunny in {city}, {SECRET}"


def get_stock_price(symbol: str) -> str:
    """Tell the price of a share."""
    raise ConnectionError(f"{SECRET}: no price of {symbol}")


def tell(ask: Callable[..., Any]) -> None:
    """Run the scenario that the command line names and print how it ended: ``done``, or the class of an exception.

    ``ask(question, conversation, *, stream)`` is a function or a coroutine function; the framework's errors leave it.
    A program whose framework cannot be cancelled from outside is interrupted as by Ctrl-C.
    """
    scenario = sys.argv[1]
    try:
        if inspect.iscoroutinefunction(ask):
            asyncio.run(_ask_async(ask, scenario))
        else:
            _ask(ask, scenario)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - its class is what is printed
        print(type(error).__name__)  # noqa: T201 - for the test
    else:
        print("done")  # noqa: T201 - for the test


def tell_all(ask: Callable[..., Any]) -> None:
    """Run those scenarios that the command line names, or all, each below a span of its name; print how each ended."""
    from opentelemetry import trace

    tracer = trace.get_tracer("story")
    named = sys.argv[1:] or ["ok", "tool error", "rate limit", "server error", "stream", "at once", "cancel"]
    for scenario in named:
        sys.argv[1:] = [scenario]
        with tracer.start_as_current_span(scenario):
            tell(ask)


def _conversation(name: str) -> str:
    return f"{SECRET}-{name}"


def _question(scenario: str) -> str:
    return f"{_QUESTIONS[scenario]}, says {SECRET}"


async def _ask_async(ask: Callable[..., Any], scenario: str) -> None:
    if scenario == "at once":
        await asyncio.gather(*(ask(_question("ok"), _conversation(side), stream=False) for side in _SIDES))
    elif scenario == "cancel":
        asked = asyncio.ensure_future(ask(_question(scenario), _conversation(scenario), stream=False))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (asked.done() or _model_is_awaited() or time.monotonic() > deadline):  # noqa: ASYNC110 - the model is another process
            await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.wait_for(asked, _LOOK_SECONDS)
    else:
        await ask(_question(scenario), _conversation(scenario), stream=scenario == "stream")


def _ask(ask: Callable[..., Any], scenario: str) -> None:
    if scenario == "at once":
        with ThreadPoolExecutor() as threads:
            asked = [threads.submit(ask, _question("ok"), _conversation(side), stream=False) for side in _SIDES]
        for each in asked:
            each.result()
        return
    if scenario == "cancel":
        threading.Thread(target=_interrupt, daemon=True).start()
    ask(_question(scenario), _conversation(scenario), stream=scenario == "stream")


def _interrupt() -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _model_is_awaited() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)


def _model_is_awaited() -> bool:
    """Whether the model has the slow question; asked without an HTTP client, which would have spans."""
    host, _, port = os.environ["STORY_MODEL"].rpartition("/")[2].partition(":")
    with socket.create_connection((host, int(port)), _PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /waiting HTTP/1.0\r\n\r\n")
        return b'"waiting": 0' not in connection.makefile("rb").read()
