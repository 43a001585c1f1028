"""An agent of smolagents whose code calls a tool and another agent; the models are in this process."""

from __future__ import annotations

import sys
from typing import Any

from smolagents import CodeAgent, LogLevel, Model, Tool
from smolagents.models import ChatMessage, MessageRole


class Adding(Tool):
    """Adds one, but not to 13."""

    name = "add_one"
    description = "Adds one."
    inputs = {"number": {"type": "integer", "description": "any"}}  # noqa: RUF012 - as the framework wants it
    output_type = "integer"

    def forward(self, number: int) -> int:
        """Add one."""
        if number == 13:
            raise LookupError(number)
        return number + 1


class Writer(Model):
    """Writes one piece of code."""

    def __init__(self, code: str) -> None:
        super().__init__(model_id="in-process")
        self.code = code

    def generate(self, *_: Any, **__: Any) -> ChatMessage:
        """Write it."""
        return ChatMessage(MessageRole.ASSISTANT, f"<code>\n{self.code}\n</code>")


def agent(name: str, code: str, *others: CodeAgent) -> CodeAgent:
    """An agent that writes that code."""
    return CodeAgent(
        [Adding()],
        Writer(code),
        name=name,
        description="Adds.",
        managed_agents=[*others],
        max_steps=1,
        verbosity_level=LogLevel.OFF,
    )


second = agent("second", "final_answer(add_one(1))")
first = agent("first", f"second('add')\nfinal_answer(add_one({sys.argv[1]}))", second)
answer = first.run("add")
sys.stdout.write(f"{answer}\n" if isinstance(answer, int) else "no answer\n")
