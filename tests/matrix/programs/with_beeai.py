"""An agent of BeeAI, on OpenAI's chat completions by LiteLLM."""

from __future__ import annotations

from beeai_framework.agents.requirement import RequirementAgent
from beeai_framework.backend import ChatModel
from beeai_framework.tools import tool
from pydantic import BaseModel
from story import AGENT, MODEL, get_stock_price, get_weather, tell_all


class Said(BaseModel):
    """What the agent ends with."""

    answer: str


async def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Ask the agent."""
    model = ChatModel.from_name(f"openai:{MODEL}", stream=stream)
    agent = RequirementAgent(llm=model, name=AGENT, tools=[tool(get_weather), tool(get_stock_price)])
    await agent.run(question, expected_output=Said, max_retries_per_step=0, total_max_retries=0)


tell_all(ask)
