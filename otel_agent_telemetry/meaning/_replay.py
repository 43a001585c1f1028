"""Finished spans, in the order in which they began and ended: what a file of spans, or a stored trace, means."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._ancestry import Tree
from otel_agent_telemetry.meaning._calls import ModelCall, Repeat, Run, ToolCall
from otel_agent_telemetry.meaning._meaning import Meaning
from otel_agent_telemetry.meaning._places import Place
from otel_agent_telemetry.meaning._records import Fact, Usage
from otel_agent_telemetry.meaning._said import read
from otel_agent_telemetry.meaning._token_usage import token_usage
from otel_agent_telemetry.meaning._verdicts import as_events
from otel_agent_telemetry.meaning.harnesses import arrange, mark_printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_agent_telemetry.meaning._records import SpanRecord
    from otel_agent_telemetry.meaning._verdicts import Told

__all__ = ["Place", "replay", "verdicts"]

_in_order = itemgetter(0, 1, 2, 3)
_NAMELESS: tuple[str | None, str | None] = None, None


def replay(records: Iterable[SpanRecord], beside: Iterable[Place] = ()) -> list[Fact]:
    """Facts in the order in which they happened, from spans, and from places where it is known already what they say.

    Model calls are added up to one ``token.usage`` per model, provider, session and agent, at the last call's time.
    """
    places = [
        Place(record.key, record.parent_key, record.start_ns, record.end_ns, mark_printed(read(record)))
        for record in records
    ]
    places += beside
    events = as_events(verdicts(arrange(places)))
    told = [item for item in events if isinstance(item, Fact)]
    counted = token_usage(item for item in events if isinstance(item, Usage))
    return sorted([*told, *counted], key=lambda fact: fact.occurred_ns)


def verdicts(places: Sequence[Place]) -> list[Told]:
    """All that is told of these spans, whatever order they came in: a parent is around its children."""
    places = _that_matter(places)
    meaning = Meaning(tree=Tree(most_open=len(places) + 1))
    depths = _depths(places) if _has_ties(places) else dict.fromkeys((place.key for place in places), 0)
    begun = [
        (place.start_ns, 0, depths[place.key], place.key, place) for place in places if place.said and place.said.is_own
    ]
    ended = [(place.end_ns, 1, -depths[place.key], place.key, place) for place in places]
    for place in places:
        meaning.link(place.key, place.parent_key)
    moments = sorted([*begun, *ended], key=_in_order)
    for _, is_end, _, _, place in moments:
        if place.said is None:
            meaning.pass_by(place.key, place.parent_key)
        elif is_end:
            meaning.finish(place.said)
        else:
            meaning.begin(place.said)
    meaning.end_all(moments[-1][0] if moments else 0)
    told = meaning.told()
    _share(told, places)
    return told


def _share(told: list[Told], places: Sequence[Place]) -> None:
    """A call that stands alone belongs to the session of the nearest span around one that repeats it."""
    alone = {item.key: item for item in told if isinstance(item, (ModelCall, ToolCall)) and item.session_id is None}
    repeats = [item for item in told if isinstance(item, Repeat) and item.speaker in alone]
    if not repeats:
        return
    above = {place.key: place.parent_key for place in places}
    known = {place.key: _named(place) for place in places}
    runs = [item for item in told if isinstance(item, Run) and item.session_id is not None]
    known |= {run.key: (run.session_id, run.told_agent) for run in runs}
    for repeat in repeats:
        key, seen = repeat.key, set[int]()
        while key in above and key not in seen and known[key][0] is None:
            seen.add(key)
            key = above[key]
        call = alone[repeat.speaker]
        session_id, agent_name = known.get(key, _NAMELESS)
        if call.session_id is None and session_id is not None:
            call.session_id, call.told_agent = session_id, call.told_agent or agent_name


def _named(place: Place) -> tuple[str | None, str | None]:
    """The conversation and the agent that a span names for itself."""
    said = place.said
    return _NAMELESS if said is None or said.kind == kinds.OTHER else (said.conversation, said.agent_name)


def _that_matter(places: Sequence[Place]) -> list[Place]:
    """Those that say something, and those above them."""
    silent = {place.key: place for place in places if place.said is None}
    found = [place for place in places if place.said is not None]
    for place in tuple(found):
        above = silent.pop(place.parent_key, None)
        while above is not None:
            found.append(above)
            above = silent.pop(above.parent_key, None)
    return found


def _has_ties(places: Sequence[Place]) -> bool:
    """Whether two spans began, or ended, at the same moment, so that only their places tell which was first."""
    count = len(places)
    return len({place.start_ns for place in places}) < count or len({place.end_ns for place in places}) < count


def _depths(places: Sequence[Place]) -> dict[int, int]:
    """How far each span is below its root, as far as that is among them; rings end."""
    parents = {place.key: place.parent_key for place in places}
    depths: dict[int, int] = {0: 0}
    for key in parents:
        chain: list[int] = []
        above, seen = key, set[int]()
        while above in parents and above not in depths and above not in seen:
            seen.add(above)
            chain.append(above)
            above = parents[above]
        depth = depths.get(above, 0)
        for below in reversed(chain):
            depth += 1
            depths[below] = depth
    return depths
