"""Which spans can stand in one line of a picture in which what stands in another lies inside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Stretch", "tracks"]


class Stretch(NamedTuple):
    """A span in time, and the place of its parent in the sequence, if it has one."""

    start: int
    end: int
    parent: int | None = None


def tracks(stretches: Sequence[Stretch]) -> list[int]:
    """The number of each one's track, from 0: on one track any two are apart, or one is inside of one above it.

    Parents come before their children in the sequence. A child is on its parent's track where it fits.
    """
    found = [0] * len(stretches)
    open_places: list[list[int]] = []
    order = sorted(range(len(stretches)), key=lambda place: (stretches[place].start, -stretches[place].end, place))
    for place in order:
        parent = stretches[place].parent
        preferred = [] if parent is None else [found[parent]]
        found[place] = _put(place, stretches, open_places, preferred)
    return found


def _put(place: int, stretches: Sequence[Stretch], open_places: list[list[int]], preferred: list[int]) -> int:
    for track in (*preferred, *range(len(open_places))):
        places = open_places[track] if track < len(open_places) else None
        if places is not None and _fits(place, stretches, places):
            places.append(place)
            return track
    open_places.append([place])
    return len(open_places) - 1


def _fits(place: int, stretches: Sequence[Stretch], places: list[int]) -> bool:
    stretch = stretches[place]
    while places and stretches[places[-1]].end <= stretch.start:
        places.pop()
    return not places or (stretch.end <= stretches[places[-1]].end and _is_above(places[-1], place, stretches))


def _is_above(upper: int, lower: int, stretches: Sequence[Stretch]) -> bool:
    at: int | None = lower
    while at is not None and at > upper:
        at = stretches[at].parent
    return at == upper
