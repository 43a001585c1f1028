"""How the runs of coding agents ended, which most of them do not say."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._outcomes import CANCELLED
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._marks import BEGUN, METRIC, PART, ROOT, RUN

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning.harnesses._scene import Entry, Scene

__all__ = ["tell_endings"]

_TELLS_ITSELF = (marks_of.COPILOT, marks_of.QWEN)
"""Whose runs say by their own span how they ended."""
_MAY_LOSE_THE_END = (marks_of.OPENCODE, marks_of.DOCKER)
"""Whose last records are lost as a rule, so that a run without an answer may well have had one."""


def tell_endings(scene: Scene) -> None:
    """Give every run the outcome that it says or that its last call has."""
    inside: dict[int, list[Entry]] = defaultdict(list)
    for entry in scene.entries.values():
        if entry.said.kind in (kinds.MODEL, kinds.TOOL) or _gave_up(entry) or _goes_on(entry):
            run = scene.run_of(entry)
            if run is not None:
                inside[run.key].append(entry)
    for entry in scene.entries.values():
        if entry.is_agent:
            _end(entry, sorted(inside[entry.key], key=lambda each: (each.end_ns, each.key)))


def _gave_up(entry: Entry) -> bool:
    """Whether it tells that no answer came, of calls that each look as if one had."""
    return entry.marks.part == PART and entry.marks.finish == "error"


def _goes_on(entry: Entry) -> bool:
    """Whether it is what a program goes on to ask by itself when the prompt has been answered."""
    return entry.marks.part == PART and entry.marks.harness == marks_of.QWEN and entry.marks.finish is not None


def _end(run: Entry, inside: list[Entry]) -> None:
    finish, said = run.marks.finish, run.said
    is_prompt = run.marks.part in (RUN, ROOT)
    if run.marks.harness in _TELLS_ITSELF and run.marks.source == marks_of.SPAN:
        finish = next((each.marks.finish for each in reversed(inside) if _goes_on(each)), finish)
        if finish == CANCELLED:
            said.error = CANCELLED
        elif finish == "error":
            said.error = said.error or _last_error(inside) or "unknown"
        _name_failures(said.error, inside)
    elif finish == semconv.OUTCOME_OK and not _has_failed_last(inside):
        said.error = None
    else:
        said.error = said.error or _by_calls(run, inside, is_prompt=is_prompt)
    said.outcome = semconv.OUTCOME_OK if said.error is None else CANCELLED
    if said.error not in (None, CANCELLED):
        said.outcome = semconv.OUTCOME_ERROR


def _name_failures(error: str | None, inside: list[Entry]) -> None:
    """A call that only says that it failed did so for the reason that its run names, or was broken off with it."""
    for entry in inside:
        if entry.said.kind == kinds.MODEL and entry.said.error == "provider_error" and error is not None:
            entry.said.error = error
            entry.said.outcome = CANCELLED if error == CANCELLED else semconv.OUTCOME_ERROR


def _by_calls(run: Entry, inside: list[Entry], *, is_prompt: bool) -> str | None:
    """What the last model call in it tells: an error, an answer, or that no answer came."""
    calls = _calls(inside)
    if _has_failed_last(inside):
        return calls[-1].said.error or "provider_error"
    if run.marks.harness in _MAY_LOSE_THE_END or not is_prompt or run.marks.source == METRIC:
        return None
    if not calls or any(entry.marks.finish == BEGUN for entry in inside):
        return CANCELLED
    asks = calls[-1].marks.finish == "tool"
    last = inside[-1]
    has_answer = calls[-1].marks.finish == semconv.OUTCOME_OK or last.said.kind == kinds.MODEL
    return CANCELLED if asks or not has_answer else None


def _calls(inside: list[Entry]) -> list[Entry]:
    return [entry for entry in inside if entry.said.kind == kinds.MODEL or _gave_up(entry)]


def _has_failed_last(inside: list[Entry]) -> bool:
    """Whether its last model call failed: Codex counts the tokens of a turn also then."""
    return any(each.said.error is not None or _gave_up(each) for each in _calls(inside)[-1:])


def _last_error(inside: list[Entry]) -> str | None:
    return next((entry.said.error for entry in reversed(inside) if entry.said.error is not None), None)
