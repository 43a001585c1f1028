"""A tool-calling agent of smolagents, on OpenAI's chat completions."""

from __future__ import annotations

import openai  # noqa: F401 - which the framework would import while the clock of "cancel" runs
from rich.console import Console
from smolagents import AgentLogger, OpenAIServerModel, Tool, ToolCallingAgent
from story import AGENT, MODEL, get_stock_price, get_weather, tell


class Weather(Tool):
    """Tells the weather."""

    name = "get_weather"
    description = "Tell the weather in a city."
    inputs = {"city": {"type": "string", "description": "its name"}}  # noqa: RUF012 - as the framework wants it
    output_type = "string"

    def forward(self, city: str) -> str:
        """Tell it."""
        return get_weather(city)


class StockPrice(Tool):
    """Tells the price of a share."""

    name = "get_stock_price"
    description = "Tell the price of a share."
    inputs = {"symbol": {"type": "string", "description": "its symbol"}}  # noqa: RUF012 - as the framework wants it
    output_type = "string"

    def forward(self, symbol: str) -> str:
        """Tell it."""
        return get_stock_price(symbol)


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent; its names are Python's."""
    model = OpenAIServerModel(MODEL, client_kwargs={"max_retries": 0}, retry=False)
    agent = ToolCallingAgent(
        [Weather(), StockPrice()],
        model,
        name=AGENT.replace("-", "_"),
        description="Answers",
        stream_outputs=stream,
        logger=AgentLogger(console=Console(quiet=True)),
    )
    answer = agent.run(question, stream=stream)
    if stream:
        for _ in answer:
            pass


tell(ask)
