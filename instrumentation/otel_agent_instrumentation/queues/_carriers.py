"""The carrier of a task on its way through a queue: found again, counted up for the next attempt, and as text."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["KEY", "attempt_of", "carried", "from_text", "next_attempt", "to_text"]

KEY = "agent_telemetry"
"""The name under which a carrier travels beside what is a queue's own."""


def carried(found: Any, task_id: str | None = None) -> dict[str, str] | None:
    """What the publisher put into a message; with a task's id, not what came along from the message of another one."""
    if not isinstance(found, dict) or "task_id" not in found:
        return None
    return found if task_id in {None, found["task_id"]} else None  # pyright: ignore[reportUnknownVariableType] - as create_task made it


def attempt_of(carrier: dict[str, str]) -> int:
    """Which attempt at the task the carrier is for, from 1 on."""
    return int(carrier.get("task_attempt", "1"))


def next_attempt(carrier: dict[str, str]) -> dict[str, str]:
    """The carrier for the attempt after that one."""
    return {**carrier, "task_attempt": str(attempt_of(carrier) + 1)}


def to_text(carrier: dict[str, str]) -> str:
    """The carrier as JSON, for queues whose headers and labels are text."""
    return json.dumps(carrier)


def from_text(text: Any, task_id: str | None = None) -> dict[str, str] | None:
    """What :func:`to_text` made of a carrier, with a task's id of that one's alone; None for any other text."""
    try:
        return carried(json.loads(text), task_id)
    except (TypeError, ValueError):
        return None
