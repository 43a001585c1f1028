"""LangChain's client of Bedrock, which stands on boto3."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from story import get_stock_price, get_weather, tell_all

TOOLS = {tool.__name__: tool for tool in (get_weather, get_stock_price)}
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the model, and run the tools that it calls."""
    once: Any = Config(retries={"total_max_attempts": 1})
    model = ChatBedrockConverse(model=MODEL, config=once).bind_tools([*TOOLS.values()])
    messages: list[Any] = [HumanMessage(question)]
    while (reply := streamed(model, messages) if stream else model.invoke(messages)).tool_calls:
        messages.append(reply)
        answers = [(call["id"], TOOLS[call["name"]](**call["args"])) for call in reply.tool_calls]
        messages += [ToolMessage(said, tool_call_id=known) for known, said in answers]


def streamed(model: Any, messages: list[Any]) -> Any:
    """The message that the parts of a stream make."""
    first, *rest = model.stream(messages)
    return sum(rest, first)


tell_all(ask)
