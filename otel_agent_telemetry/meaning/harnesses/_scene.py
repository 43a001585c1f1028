"""The records of coding agents among all others: who is above whom, and which runs there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning.harnesses._marks import PRINTED, ROOT, RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_agent_telemetry.meaning._places import Place
    from otel_agent_telemetry.meaning._said import Said
    from otel_agent_telemetry.meaning.harnesses._marks import Marks

__all__ = ["SLACK_NS", "Entry", "Scene", "is_beside"]

_TRACE_BITS = 64
SLACK_NS = 5 * 10**9
"""How long before its span a run's prompt may be told of, and how far the clocks of two signals are apart."""


class Entry:
    """A record of a coding agent; ``parent`` is where it belongs as far as that is known by now."""

    __slots__ = ("end_ns", "is_stretched", "key", "marks", "said", "start_ns")

    def __init__(self, place: Place, said: Said, marks: Marks) -> None:
        self.key = place.key
        self.said = said
        self.marks = marks
        self.start_ns = place.start_ns
        self.end_ns = place.end_ns
        self.is_stretched = False

    @property
    def trace(self) -> int:
        """The id of its trace."""
        return self.key >> _TRACE_BITS

    @property
    def is_printed(self) -> bool:
        """Whether a service made it of what the program printed."""
        return self.marks.source == PRINTED

    @property
    def is_run(self) -> bool:
        """Whether it stands for a prompt, from its beginning to its end."""
        return self.said.kind == kinds.AGENT and self.marks.part in (RUN, ROOT)

    @property
    def is_agent(self) -> bool:
        """Whether it stands for a run, also of a subagent."""
        return self.said.kind == kinds.AGENT and not self.is_printed

    def silence(self) -> None:
        """Let it stand for nothing: another record says the same."""
        self.said.kind = kinds.OTHER


class Scene:
    """See the module; ``parents`` may be changed."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.parents: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.entries: dict[int, Entry] = {}
        self._named: dict[tuple[str, int], set[str]] = {}
        for place in places:
            self.parents[place.key] = place.parent_key
            self.ends[place.key] = place.end_ns
            said = place.said
            if said is not None and said.marks is not None:
                said.error = said.marks.error
                self.entries[place.key] = Entry(place, said, said.marks)

    def above(self, key: int) -> Iterator[int]:
        """The spans above one, the nearest first, as far as they are there; rings end."""
        seen = {key}
        key = self.parents.get(key, 0)
        while key in self.parents and key not in seen:
            yield key
            seen.add(key)
            key = self.parents[key]

    def entries_above(self, entry: Entry) -> Iterator[Entry]:
        """Those of them that are a coding agent's."""
        found = (self.entries.get(key) for key in self.above(entry.key))
        return (each for each in found if each is not None)

    def top(self, key: int) -> int:
        """The highest span above one that is there, itself where there is none."""
        return [key, *self.above(key)][-1]

    def session_of(self, entry: Entry) -> str | None:
        """Its own session, else that of the nearest record around that names one, else the only one of its trace.

        A turn's own span, which names it, may have got lost.
        """
        if entry.marks.session is not None:
            return entry.marks.session
        around = (each.marks.session for each in self.entries_above(entry))
        return next((session for session in around if session is not None), self._only_session(entry))

    def _only_session(self, entry: Entry) -> str | None:
        if not self._named:
            for each in self.entries.values():
                if each.marks.session is not None:
                    self._named.setdefault((each.marks.harness, each.trace), set()).add(each.marks.session)
        named = self._named.get((entry.marks.harness, entry.trace), ())
        return next(iter(named)) if len(named) == 1 else None

    def run_of(self, entry: Entry) -> Entry | None:
        """The nearest run around."""
        return next((each for each in self.entries_above(entry) if each.is_agent), None)

    def of(self, *parts: str) -> list[Entry]:
        """The entries that are these to their run, by time."""
        found = [entry for entry in self.entries.values() if entry.marks.part in parts]
        return sorted(found, key=lambda entry: (entry.start_ns, entry.key))

    def runs(self) -> list[Entry]:
        """The prompts, by time."""
        return [entry for entry in self.of(RUN, ROOT) if entry.is_run]

    def put(self, below: int, above: int) -> None:
        """Move a span below another, unless that one is below it."""
        if below != above and below not in self.above(above):
            self.parents[below] = above


def is_beside(one: Entry, two: Entry) -> bool:
    """Whether their times overlap, within the slack."""
    return one.start_ns <= two.end_ns + SLACK_NS and one.end_ns + SLACK_NS >= two.start_ns
