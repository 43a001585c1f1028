"""Use by the hour, added up once and stored, so that a question of all that was used is answered at once.

``used`` holds the sums of an hour as long as the hour stands in ``used_hours``: triggers take it out there as soon as a
step that began in it comes, changes or goes, whoever does it. What is not stored is added up when it is asked for.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local.store._spending import SPENDING, sizes, sums
from otel_agent_telemetry.local.store._tables import HOUR_NS, SUMMED

if TYPE_CHECKING:
    import sqlite3

    from otel_agent_telemetry.local.store._store import Store

__all__ = ["COUNTED", "COUNTS", "KEYS", "KINDS", "add_up_hour", "used"]

KEYS = {
    "model": "steps.model",
    "agent": "steps.agent",
    "tool": "steps.tool",
    "session": "steps.session",
    "user": "steps.user",
}
"""What use is added up by: the key of a step."""
KINDS = {"model": f"AND (steps.kind IN ('model', 'embedding') OR {SPENDING})", "tool": "AND steps.kind = 'tool'"}
"""The steps that are added up by such a key, where it is not all of them."""
COUNTS = """
sum(kind = 'model' AND counted), sum(error IS NOT NULL AND counted AND kind IN ('model', 'tool')),
sum(kind = 'tool' AND counted), sum(kind = 'agent' AND counted),
sum(CASE WHEN spends & 1 THEN input END), sum(CASE WHEN spends & 2 THEN output END),
sum(CASE WHEN spends & 4 THEN cache_read END), sum(CASE WHEN spends & 8 THEN cache_write END),
sum(CASE WHEN spends & 16 THEN reasoning END)
"""
COUNTED = 9
"""How many columns COUNTS has."""
_STORED = f"hour, key, model, provider, size, longest, {', '.join(SUMMED)}"
_FIRST_HOUR = f"SELECT start_ns / {HOUR_NS} AS hour FROM steps WHERE start_ns / {HOUR_NS} {{}} ORDER BY 1 LIMIT 1"
_HOURS = f"""
WITH RECURSIVE all_hours(hour) AS (
    SELECT * FROM ({_FIRST_HOUR.format(">= :first")}) UNION ALL
    SELECT ({_FIRST_HOUR.format("> all_hours.hour")}) FROM all_hours WHERE all_hours.hour < :last
),
known(hour) AS (
    SELECT hour FROM used_hours
    WHERE stack = :stack AND sizes = :sizes AND NOT pending AND hour >= :whole_first AND hour <= :whole_last
)
"""
_COMPARED = "ifnull(key, x'')"
"""A key that can be looked up, also where there is none."""
_FIRST_KEYS = f"""
SELECT {_COMPARED} FROM each_hour GROUP BY 1
ORDER BY sum(ifnull(all_input, 0) + ifnull(all_output, 0)) DESC, sum(calls) DESC, key LIMIT :first_keys
"""
_STALE = f"""
{_HOURS} SELECT hour FROM all_hours WHERE hour IS NOT NULL AND hour NOT IN known ORDER BY 1 DESC LIMIT 1
"""
_BEGIN = "INSERT OR REPLACE INTO used_hours (hour, stack, sizes, pending) VALUES (?, ?, ?, ?)"
_END = "UPDATE used_hours SET pending = 0 WHERE hour = ? AND stack = ? AND pending = ?"
_LATEST_HOUR = (2**63 - 1) // HOUR_NS
_TOKEN_BITS = 62


def used(
    connection: sqlite3.Connection,
    stack: str,
    period: tuple[int, int],
    *,
    hour: str = "hour",
    key: str = "key",
    first: int | None = None,
    **named: Any,
) -> list[Any]:
    """Rows of (hour since the epoch, key, *sums(), *COUNTS) of steps that began in the period, by one of KEYS.

    They are grouped by the first five columns; ``hour`` and ``key`` are SQL for coarser ones, with ``named`` arguments.
    ``first`` is how many keys to tell at most: those with the most tokens, then calls.
    """
    merged = ", ".join(f"sum({name})" for name in SUMMED)
    kept = "" if first is None else f"WHERE {_COMPARED} IN ({_FIRST_KEYS})"
    query = f"""
        {_HOURS}, each_hour({_STORED}) AS (
            SELECT {_STORED} FROM used WHERE stack = :stack AND hour IN known UNION ALL
            SELECT * FROM ({_added_up(stack, "IN (SELECT hour FROM all_hours WHERE hour NOT IN known)")}))
        SELECT {hour}, {key}, model, provider, size, max(longest), {merged} FROM each_hour {kept}
        GROUP BY 1, 2, 3, 4, 5
    """
    since, until = period
    bounds = {"since": since, "until": until, "first": since // HOUR_NS, "last": until // HOUR_NS}
    whole = {"whole_first": -(-since // HOUR_NS), "whole_last": (until + 1) // HOUR_NS - 1}
    arguments = {"stack": stack, "sizes": sizes(), "first_keys": first, **bounds, **whole, **named}
    return connection.execute(query, arguments).fetchall()


def add_up_hour(store: Store) -> bool:
    """Store the sums of the latest hour of which there are none by today's sizes of calls; False where none is left.

    Writers wait for none of the adding up: what changes meanwhile takes the hour out again.
    """
    every = {"first": 0, "last": _LATEST_HOUR, "whole_first": 0, "whole_last": _LATEST_HOUR, "sizes": sizes()}
    with closing(store.reader()) as connection:
        stale = [(stack, connection.execute(_STALE, {**every, "stack": stack}).fetchone()) for stack in KEYS]
    waiting = [(stack, row[0]) for stack, row in stale if row is not None]
    for stack, hour in waiting:
        _add_up(store, stack, hour)
    return bool(waiting)


def _add_up(store: Store, stack: str, hour: int) -> None:
    token = secrets.randbits(_TOKEN_BITS) + 1
    with store.writing() as connection:
        connection.execute(_BEGIN, (hour, stack, sizes(), token))
    period = {"since": hour * HOUR_NS, "until": (hour + 1) * HOUR_NS - 1, "hour": hour}
    with closing(store.reader()) as connection:
        rows = connection.execute(_added_up(stack, "= :hour"), period).fetchall()
    with store.writing() as connection:
        if connection.execute(_END, (hour, stack, token)).rowcount:
            connection.execute("DELETE FROM used WHERE stack = ? AND hour = ?", (stack, hour))
            marks = ", ".join("?" * (6 + len(SUMMED)))
            connection.executemany(f"INSERT INTO used (stack, {_STORED}) VALUES ('{stack}', {marks})", rows)


def _added_up(stack: str, hours: str) -> str:
    """Select the sums of the steps of some hours, as :func:`used` gives them."""
    return f"""
        SELECT steps.start_ns / {HOUR_NS}, {KEYS[stack]}, {sums()}, {COUNTS} FROM steps
        WHERE steps.start_ns / {HOUR_NS} {hours} AND steps.start_ns >= :since AND steps.start_ns <= :until
        {KINDS.get(stack, "")} GROUP BY 1, 2, 3, 4, 5
    """
