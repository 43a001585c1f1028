"""Tool calls with their results, each said once: by the model that asks, by the tool, or by who is told."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypedDict

from otel_agent_telemetry.local.read.talk._history import key_of
from otel_agent_telemetry.local.read.talk._parts import Message, message

if TYPE_CHECKING:
    from otel_agent_telemetry.local.read.talk._calls import Call

__all__ = ["Pairs", "Result", "Said", "said"]

_OPEN = 64  # calls that a result is looked for among


class Result(TypedDict):
    """What a tool gave back; ``text`` is null where that was not recorded, the rest where no span says it."""

    text: str | None
    cut: int
    is_error: bool
    trace_id: str | None
    span_id: str | None
    duration_ms: float | None


class Said(Message):
    """A message as it is shown; ``cut`` are the characters that were left out at its end.

    ``markdown`` is the text as a tree of elements, where it was asked for; ``result`` is that of a tool call.
    """

    cut: int
    markdown: list[object] | None
    result: Result | None


def said(each: Message) -> Said:
    """A message to be shown, whole."""
    return {**each, "cut": 0, "markdown": None, "result": None}


class Pairs:
    """The tool calls of a conversation so far, and their results as they come."""

    def __init__(self) -> None:
        self._calls: deque[Said] = deque(maxlen=_OPEN)
        self._told: set[int] = set()

    def ask(self, call: Message) -> Said:
        """A tool call that is to be shown."""
        shown = said(call)
        self._calls.append(shown)
        return shown

    def run(self, call: Call) -> Said | None:
        """A tool ran: its result joins the call that asked for it; where none did, the call to show."""
        given = call.said.given[0] if call.said.given else None
        made = call.said.made[0]["text"] if call.said.made else None
        asked = self._asked(call, given)
        shown = asked or self.ask(given or message("assistant", "tool_call", None, call.step.tool, call.step.call_id))
        if given and not shown["text"]:
            shown["text"] = given["text"]
        told = shown["result"]
        shown["result"] = {
            "text": made if made is not None else told and told["text"],
            "cut": 0,
            "is_error": call.step.error is not None,
            "trace_id": call.trace_id,
            "span_id": call.span_ids[0],
            "duration_ms": max(call.step.end_ns - call.step.start_ns, 0) / 1e6,
        }
        return None if asked else shown

    def tell(self, result: Message) -> bool:
        """Whether a result that a model is told belongs to a call that is shown; it joins it."""
        call = self._answered(result)
        if call is None:
            return False
        self._told.add(id(call))
        if call["result"] is None:
            call["result"] = _told_result(result["text"])
        elif call["result"]["text"] is None:
            call["result"]["text"] = result["text"]
        return True

    def knows(self, call: Message) -> bool:
        """Whether a call that a model is told of is shown already."""
        return any(_is_same(each, call) for each in self._calls)

    def _asked(self, call: Call, given: Message | None) -> Said | None:
        """The call that a tool's run answers, of those without one: by id, else by arguments, else by name."""
        waiting = [each for each in self._calls if each["result"] is None or each["result"]["span_id"] is None]
        waiting.sort(key=lambda each: each["result"] is not None)  # one with a result is of a run that nobody recorded
        by_id = [each for each in waiting if each["call_id"] and each["call_id"] == call.step.call_id]
        named = [each for each in waiting if each["name"] == call.step.tool]
        alike = [each for each in named if given and key_of(each) == key_of(given)]
        unknown = [each for each in named if not (each["call_id"] and call.step.call_id)]
        return next(iter(by_id or alike or unknown), None)

    def _answered(self, result: Message) -> Said | None:
        """The call of a result that a model is told, by id, else by what it says, else the first of that name."""
        by_id = [each for each in self._calls if each["call_id"] and each["call_id"] == result["call_id"]]
        if by_id:
            return by_id[-1]
        named = [each for each in self._calls if result["name"] in {None, each["name"]} and id(each) not in self._told]
        alike = [each for each in named if each["result"] and each["result"]["text"] == result["text"]]
        return next(iter(alike or named), None)


def _told_result(text: str) -> Result:
    return {"text": text, "cut": 0, "is_error": False, "trace_id": None, "span_id": None, "duration_ms": None}


def _is_same(shown: Said, call: Message) -> bool:
    if shown["call_id"] and call["call_id"]:
        return shown["call_id"] == call["call_id"]
    return shown["name"] == call["name"] and key_of(shown) == key_of(call)
