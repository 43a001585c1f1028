"""What is new in a call: what an earlier one had is history, and a tool's result stands with its call."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, TypeAlias

from otel_agent_telemetry.local.read._answers import json_text, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.local.read.talk._parts import Message

__all__ = ["History", "key_of"]

_REMEMBERED = 16  # calls; a conversation of several agents takes turns
Key: TypeAlias = "tuple[str, str, str]"


class History:
    """The calls that came before, the latest :data:`_REMEMBERED` of them."""

    def __init__(self) -> None:
        self._contexts: deque[Counter[Key]] = deque(maxlen=_REMEMBERED)

    def new_in(self, given: list[Message]) -> list[Message]:
        """The messages that the nearest earlier call did not have; what is said again is new."""
        keys = [key_of(each) for each in given]
        known = Counter(self._nearest(keys))
        new: list[Message] = []
        for message, key in zip(given, keys, strict=True):
            if known[key]:
                known[key] -= 1
            else:
                new.append(message)
        return new

    def add(self, messages: Iterable[Message]) -> None:
        """A call was given and made these."""
        if context := Counter(map(key_of, messages)):
            self._contexts.append(context)

    def has(self, messages: list[Message]) -> bool:
        """Whether one of the calls had all of these."""
        wanted = Counter(map(key_of, messages))
        return any(wanted <= context for context in self._contexts)

    def _nearest(self, keys: list[Key]) -> Counter[Key]:
        """The context that shares most with these; of equals the latest."""
        wanted = Counter(keys)
        best, most = Counter[Key](), 0
        for context in reversed(self._contexts):
            shared = sum(min(number, context[key]) for key, number in wanted.items())
            if shared > most:
                best, most = context, shared
            if most == len(keys):
                break
        return best


def key_of(message: Message) -> Key:
    """By what a message is known again: what it says, whatever the spacing of its JSON."""
    value = parsed(message["text"])
    text = message["text"].strip() if isinstance(value, str) else json_text(value)
    return message["kind"], text, message["role"] if message["kind"] == "text" else ""
