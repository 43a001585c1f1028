"""The prompt of a model call as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.local.read.talk._conversation import messages_of_call
from otel_agent_telemetry.local.read.trace._span import span_number

if TYPE_CHECKING:
    import sqlite3

__all__ = ["prompt_text"]

_ANSWERS = "assistant"


def prompt_text(connection: sqlite3.Connection, trace: int, span_id: str) -> str:
    """What the call was given, each message below its role; empty where nothing of it was recorded.

    Raises InputError where the trace has no such span.
    """
    span_number(connection, trace, span_id)
    messages = list(messages_of_call(connection, trace, span_id))
    while messages and messages[-1]["role"] == _ANSWERS:
        messages.pop()
    said: list[str] = []
    for message in messages:
        who = " ".join(filter(None, (message["role"], message["name"])))
        said.append(f"{who}:\n{message['text']}")
    return "\n\n".join(said)
