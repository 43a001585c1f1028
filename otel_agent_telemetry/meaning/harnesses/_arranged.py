"""What coding agents say in three signals as one picture: each call once, below the run it belongs to.

Of one call a span counts, else a log record; metrics count for a session of which neither tells tokens. What two of
them say is joined by the id of the request or the tool's call; where there is none, a session's spans stand for all of
its log records. Gemini CLI's spans leave out half of the figures: there it is the other way round.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._endings import tell_endings
from otel_agent_telemetry.meaning.harnesses._marks import (
    EXECUTION,
    LOG,
    METRIC,
    ROOT,
    RUN,
    SPAN,
    SUB,
    TOOL,
)
from otel_agent_telemetry.meaning.harnesses._repeats import (
    name_models,
    settle_calls,
    settle_metrics,
    settle_printed,
    settle_tools,
)
from otel_agent_telemetry.meaning.harnesses._scene import SLACK_NS, Scene, is_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_agent_telemetry.meaning._places import Place
    from otel_agent_telemetry.meaning.harnesses._scene import Entry

__all__ = ["arrange"]

_NESTED = (marks_of.CODEX, marks_of.OPENCODE, marks_of.GOOSE)
"""Whose subagents have conversations of their own."""


def arrange(places: Sequence[Place]) -> Sequence[Place]:
    """The places with every record of a coding agent below its run; what repeats another record stands for nothing."""
    if not any(place.said is not None and place.said.marks is not None for place in places):
        return places
    scene = Scene(places)
    _choose_runs(scene)
    sessions = _nest(scene)
    settle_calls(scene)
    settle_tools(scene)
    _attach(scene)
    _settle_subagents(scene)
    settle_printed(scene)
    settle_metrics(scene)
    for entry in scene.entries.values():
        if entry.is_printed:
            continue
        session = entry.marks.session
        entry.said.conversation = sessions.get(session, session) if session is not None else None
    name_models(scene)
    _stretch(scene)
    tell_endings(scene)
    return [_placed(scene, place) for place in places]


def _placed(scene: Scene, place: Place) -> Place:
    entry, parent_key = scene.entries.get(place.key), scene.parents[place.key]
    if entry is None:
        return place if parent_key == place.parent_key else place._replace(parent_key=parent_key)
    entry.said.parent_key = parent_key
    return place._replace(parent_key=parent_key, start_ns=entry.start_ns, end_ns=entry.end_ns)


def _choose_runs(scene: Scene) -> None:
    """A run that was made stands back where a span of it is there; one made of metrics where anything is."""
    real: list[Entry] = []
    for run in scene.of(RUN):
        around = (above.marks for above in scene.entries_above(run))
        if any(marks.part == SUB and marks.harness == run.marks.harness for marks in around):
            run.silence()  # opencode's subagent is a prompt inside its tool: that one stands for it
        elif run.is_agent:
            real.append(run)
    for root in scene.of(ROOT):
        if any(_is_same_run(run, root) for run in real):
            root.silence()
        elif root.marks.source != METRIC:
            real.append(root)


def _is_same_run(run: Entry, root: Entry) -> bool:
    one, two = run.marks, root.marks
    if one.harness != two.harness:
        return False
    if two.source == METRIC:
        return one.session == two.session if two.session is not None else is_beside(run, root)
    if one.source != SPAN or run.trace == root.trace:
        return one.source == SPAN
    if one.prompt is not None and two.prompt is not None:
        return one.session == two.session and one.prompt == two.prompt
    return one.session == two.session and run.start_ns - SLACK_NS <= root.start_ns <= run.end_ns


def _nest(scene: Scene) -> dict[str, str]:
    """Put subagents with a conversation of their own below the run that started them; their session is its session."""
    sessions: dict[str, str] = {}
    first: dict[tuple[str, int], Entry] = {}
    began = _beginnings(scene)
    for run in sorted(scene.runs(), key=lambda run: began.get((run.trace, run.marks.session), run.start_ns)):
        harness, session = run.marks.harness, run.marks.session
        if harness not in _NESTED or session is None:
            continue
        main = first.setdefault((harness, run.trace), run)
        if main is run or main.marks.session is None or main.marks.session == session:
            continue
        sessions[session] = main.marks.session
        if run.marks.source != SPAN and _has_span(scene, run):
            run.silence()
            continue
        run.said.name = run.said.agent_name = run.said.agent_id = _nickname(scene, run)
        if main.key not in scene.above(run.key):
            scene.put(scene.top(run.key), main.key)
    return _inside(scene, began) | sessions


def _inside(scene: Scene, began: dict[tuple[int, str | None], int]) -> dict[str, str]:
    """The sessions of what is below a subagent's span, and the one that its trace began with."""
    first: dict[int, str] = {}
    for trace, session in sorted(began, key=lambda known_as: began[known_as]):
        if session is not None:
            first.setdefault(trace, session)
    found: dict[str, str] = {}
    for entry in scene.entries.values():
        session = entry.marks.session
        if session is None or session in found or entry.marks.harness not in _NESTED:
            continue
        if any(above.marks.part == SUB for above in scene.entries_above(entry)) and first[entry.trace] != session:
            found[session] = first[entry.trace]
    return found


def _beginnings(scene: Scene) -> dict[tuple[int, str | None], int]:
    """When each session begins in each trace, by all that is there of it: a run that was made may begin later."""
    began: dict[tuple[int, str | None], int] = {}
    for entry in scene.entries.values():
        known_as = entry.trace, entry.marks.session
        began[known_as] = min(began.get(known_as, entry.start_ns), entry.start_ns)
    return began


def _has_span(scene: Scene, run: Entry) -> bool:
    """Whether a subagent's run that was made of its parts has a span around them."""
    parts = (entry for entry in scene.entries.values() if entry.marks.session == run.marks.session and entry is not run)
    return any(above.marks.part == SUB for part in parts for above in scene.entries_above(part))


def _nickname(scene: Scene, run: Entry) -> str | None:
    """What a subagent is called in the records of its tools."""
    same = (entry for entry in scene.of(TOOL) if entry.marks.session == run.marks.session)
    return next((entry.said.agent_name for entry in same if entry.said.agent_name), None)


def _attach(scene: Scene) -> None:
    """Put what is below no run below the one that it belongs to."""
    runs: dict[str, list[Entry]] = defaultdict(list)
    for run in scene.runs():
        runs[run.marks.harness].append(run)
    for entry in list(scene.entries.values()):
        if entry.is_run or entry.is_printed or scene.run_of(entry) is not None:
            continue
        chosen = _chosen(entry, runs[entry.marks.harness])
        if chosen is not None:
            scene.put(scene.top(entry.key), chosen.key)


def _chosen(entry: Entry, runs: Sequence[Entry]) -> Entry | None:
    session = entry.marks.session
    ours = [run for run in runs if (run.marks.session == session if session else run.trace == entry.trace)]
    if not ours:
        ours = [run for run in runs if run.trace == entry.trace]
    begun = [run for run in ours if run.start_ns <= entry.start_ns + SLACK_NS // 5]
    return max(begun or ours[:1], key=lambda run: (_fits(entry, run), run.start_ns), default=None)


def _fits(entry: Entry, run: Entry) -> tuple[bool, bool]:
    is_asked = entry.marks.prompt is not None and entry.marks.prompt == run.marks.prompt
    return is_asked, entry.trace == run.trace


def _stretch(scene: Scene) -> None:
    """A run that was made lasts from the first to the last record of what is in it; none is read before those are."""
    for entry in scene.entries.values():
        if entry.said.kind == kinds.OTHER:
            continue
        last_ns = entry.end_ns
        for key in scene.above(entry.key):
            above = scene.entries.get(key)
            if above is not None and above.is_run and above.marks.source != SPAN:
                above.start_ns = above.said.start_ns = min(above.start_ns, entry.start_ns)
                above.said.end_ns = max(above.said.end_ns if above.is_stretched else above.start_ns, entry.end_ns)
                above.end_ns = max(above.end_ns if above.is_stretched else above.start_ns, last_ns)
                above.is_stretched = True
            elif above is not None and above.is_agent:
                above.end_ns = max(above.end_ns, last_ns)
            last_ns = max(last_ns, scene.ends[key])


def _settle_subagents(scene: Scene) -> None:
    below: dict[int, list[Entry]] = defaultdict(list)
    for entry in scene.entries.values():
        if entry.marks.agent is not None and entry.marks.part != SUB:
            below[scene.parents[entry.key]].append(entry)
    seen: dict[str, Entry] = {}
    for inside in scene.of(EXECUTION):
        children = [each for each in below.get(inside.key, ()) if each.marks.agent != inside.marks.agent]
        if children:
            seen[children[0].marks.agent or ""] = inside
            inside.said.kind = kinds.AGENT
            names = (each.said.agent_name for each in children)
            inside.said.name = inside.said.agent_name = inside.said.agent_id = next(filter(None, names), None)
    for sub in scene.of(SUB):
        if sub.marks.source == SPAN:
            continue
        known = seen.get(sub.marks.agent or "") or _told(scene, sub)
        if known is not None:
            known.said.name = known.said.agent_name = known.said.agent_name or sub.said.agent_name
            sub.silence()
            continue
        for entry in (each for entries in below.values() for each in entries if each.marks.agent == sub.marks.agent):
            if entry.marks.source == LOG and sub.marks.agent is not None:
                scene.put(entry.key, sub.key)


def _told(scene: Scene, sub: Entry) -> Entry | None:
    """The span of a subagent that a log record tells of too."""
    spans = (each for each in scene.of(SUB) if each.marks.source == SPAN and each.marks.session == sub.marks.session)
    name = sub.said.agent_name
    return next((each for each in spans if name in (None, each.said.agent_name) and is_beside(each, sub)), None)
