"""A conversation in the terminal: who said what, what was called, and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._table import amount, clean, counted, dollars, duration, styled
from otel_agent_telemetry.cli._when import local_time, zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.local import Feedback, JudgedTurn, Said, SessionTalk, Talk

__all__ = ["has_content", "print_session", "print_talk"]

_MOST_LINES = 20
_SHORT = 100
_WORDS = {"tool_call": "calls", "tool_result": "gives back", "thinking": "thinks"}


def print_session(talk: SessionTalk) -> None:
    """What the session was in all, and its turns."""
    session = talk["session"]
    counts = ((session["traces"], "trace"), (session["calls"], "model call"), (session["tools"], "tool call"))
    given, made = amount(session["input_tokens"]), amount(session["output_tokens"])
    parts = [
        *(counted(number, word) for number, word in counts),
        f"{given} in, {made} out" if given or made else "",
        dollars(session["cost_usd"], is_estimate=session["cost_is_estimate"], unpriced=session["unpriced_calls"]),
        f"{local_time(session['start'])} {zone(session['start'])}",
    ]
    click.echo(styled(f"session {clean(session['session'])}", bold=True))
    click.echo(" · ".join(part for part in parts if part))
    print_talk(talk)


def print_talk(talk: Talk) -> None:
    """Each turn with what was new in it; what was said of none of them comes last."""
    for turn in talk["turns"]:
        click.echo()
        click.echo(styled(_heading(turn), bold=True))
        for line in _lines(turn):
            click.echo(f"  {clean(line)}".rstrip())
    for each in talk["feedback"]:
        click.echo(f"\n{clean(_judgement(each))}")


def has_content(talk: Talk) -> bool:
    """Whether any turn has something that was said."""
    return any(each["text"] or each["media"] for turn in talk["turns"] for each in turn["messages"])


def _heading(turn: JudgedTurn) -> str:
    given, made = amount(turn["input_tokens"]), amount(turn["output_tokens"])
    parts = [
        f"{turn['kind']} {turn['about'] or turn['name']}",
        f"agent {turn['agent']}" if turn["agent"] and turn["kind"] == "model" else "",
        f"{given} in, {made} out" if given or made else "",
        dollars(turn["cost_usd"], is_estimate=turn["cost_is_estimate"]),
        duration(turn["duration_ms"]),
        f"failed: {turn['error_type']}" if turn["is_error"] else "",
        f"span {turn['span_id']}",
    ]
    return " · ".join(clean(part) for part in parts if part)


def _lines(turn: JudgedTurn) -> Iterator[str]:
    if turn["earlier"] and turn["messages"]:
        yield f"({counted(turn['earlier'], 'earlier message')})"
    for each in turn["messages"]:
        yield from _message(each)
    for judged in turn["feedback"]:
        yield _judgement(judged)


def _message(each: Said) -> Iterator[str]:
    yield " ".join(part for part in (each["role"], _WORDS.get(each["kind"]), each["name"]) if part)
    yield from (f"  {line}" for line in _text(each))
    result = each["result"]
    if result is not None:
        took = "" if result["duration_ms"] is None else f", {duration(result['duration_ms'])}"
        yield f"{each['name'] or 'tool'} {'fails' if result['is_error'] else 'gives back'}{took}"
        yield from (f"  {line}" for line in _cut(result["text"] or ""))


def _text(each: Said) -> list[str]:
    media = each["media"]
    if media is not None:
        size = "" if media["bytes"] is None else f", {media['bytes']:,} bytes"
        return [f"[{media['type']}{size}] {each['text']}".rstrip()]
    if each["kind"] == "text" and each["role"] != "system":
        return each["text"].split("\n")
    return _cut(each["text"])


def _cut(text: str) -> list[str]:
    """The lines, a short object in one, of many the first; of nothing none."""
    if not text:
        return []
    lines = text.split("\n")
    joined = " ".join(line.strip() for line in lines)
    if text[:1] in {"{", "["} and len(joined) <= _SHORT:
        return [joined]
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"… {len(lines) - _MOST_LINES} more lines, which --json has"]


def _judgement(each: Feedback) -> str:
    score = "" if each["score"] is None else f"{each['score']:g}"
    said = ", ".join(part for part in (score, each["label"]) if part)
    parts = [f"feedback {each['name']}", said, each["explanation"] or ""]
    return ": ".join(part for part in parts if part)
