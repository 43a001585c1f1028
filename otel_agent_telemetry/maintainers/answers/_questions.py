"""What maintainers ask, as SQL over the book. ``collector-config/clickhouse/report`` asks the same of ClickHouse.

Parameters of each: ``:product``, ``:environment`` and ``:unknown`` (ids of words; the latter is the empty one),
``:since`` and ``:until`` (seconds since the epoch, the end not included). Words come out as text. Each row says how
many installations are behind it. A quantile is the smallest duration, in two significant digits, that
at least that share of all does not exceed (nearest rank), so that every engine gives the same.
"""

from __future__ import annotations

__all__ = ["COMPARED", "PERIODS", "QUESTIONS", "compared", "funnel"]

PERIODS = {
    "day": "{0}",
    "week": "({0} + 3) / 7 * 7 - 3",  # Mondays; day 0, in 1970, was a Thursday
    "month": "CAST(strftime('%s', {0} * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400",
}
DIMENSIONS = {"version": "version", "source": "origin", "harness": "provider", "model": "model"}
"""What tasks are told apart by, and the column of the book that has it."""

_SCOPE = "product = :product AND environment IN (:environment, :unknown)"
_EVENTS = f"{_SCOPE} AND occurred >= :since AND occurred < :until"


def _event(*names: str) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"event IN (SELECT id FROM words WHERE text IN ({listed}))"


def _word(column: str) -> str:
    return f"(SELECT text FROM words WHERE id = {column})"


def _quantiles(by: str, events: str, where: str = "") -> str:
    """CTEs that give ``quantiles``: median_ms, p95_ms and p99_ms of the durations in each group, and how many.

    Grouped by the duration first: of what SQLite sorts by, that differs most, and sorting is most of the time.
    """
    return f"""counted AS (
    SELECT {by}, took_ms, COUNT(*) AS n FROM {events} WHERE took_ms IS NOT NULL {where} GROUP BY took_ms, {by}
), ranked AS (
    SELECT *, SUM(n) OVER (PARTITION BY {by} ORDER BY took_ms) AS upto, SUM(n) OVER (PARTITION BY {by}) AS of
    FROM counted
), quantiles AS (
    SELECT {by}, MIN(of) AS count, MIN(CASE WHEN 100 * upto >= 50 * of THEN took_ms END) AS median_ms,
        MIN(CASE WHEN 100 * upto >= 95 * of THEN took_ms END) AS p95_ms,
        MIN(CASE WHEN 100 * upto >= 99 * of THEN took_ms END) AS p99_ms
    FROM ranked GROUP BY {by}
)"""


def _start(period: str, day: str = "day") -> str:
    """The first day of the period that a day is in."""
    return PERIODS[period].format(f"({day})")


def _active(period: str) -> str:
    return f"""
WITH there AS (
    SELECT DISTINCT {_start(period)} AS start, installation FROM presence
    WHERE {_SCOPE} AND installation IN (SELECT id FROM installations WHERE is_kept)
), seen AS (SELECT start, MIN(start) OVER (PARTITION BY installation) AS first FROM there)
SELECT date(start * 86400, 'unixepoch') AS start, COUNT(*) AS installations, SUM(start = first) AS new
FROM seen
WHERE start >= {_start(period, ":since / 86400")} AND start * 86400 < :until
GROUP BY start ORDER BY start"""


_RETENTION = f"""
WITH weeks AS (
    SELECT DISTINCT {_start("week")} AS week, installation FROM presence
    WHERE {_SCOPE} AND installation IN (SELECT id FROM installations WHERE is_kept)
), seen AS (SELECT week, MIN(week) OVER (PARTITION BY installation) AS first FROM weeks)
SELECT date(first * 86400, 'unixepoch') AS cohort, (week - first) / 7 AS weeks_later, COUNT(*) AS installations
FROM seen
WHERE first >= {_start("week", ":since / 86400")} AND first * 86400 < :until
GROUP BY first, weeks_later ORDER BY first, weeks_later"""

_VERSIONS = f"""
WITH there AS (
    SELECT DISTINCT {_start("week")} AS week, version, installation FROM presence
    WHERE {_SCOPE} AND installation IN (SELECT id FROM installations WHERE is_kept)
)
SELECT date(week * 86400, 'unixepoch') AS week, {_word("version")} AS version, COUNT(*) AS installations
FROM there WHERE week >= {_start("week", ":since / 86400")} AND week * 86400 < :until
GROUP BY week, version ORDER BY week, 2"""


def _tasks(dimension: str) -> str:
    """How tasks ended; by model it is the sessions that worked on them."""
    names, cancelled = _event("task.completed", "task.failed", "task.cancelled"), "success IS NULL"
    if dimension == "model":
        names, cancelled = _event("task.session_completed"), "0"
    return f"""
WITH ends AS MATERIALIZED (
    SELECT {DIMENSIONS[dimension]} AS by, success, {cancelled} AS was_cancelled, took_ms, installation
    FROM events WHERE {_EVENTS} AND {names}
), each AS (
    SELECT by, SUM(success IS 1) AS completed, SUM(success IS 0) AS failed, SUM(was_cancelled) AS cancelled
    FROM ends GROUP BY by, installation
), sums AS (
    SELECT by, SUM(completed) AS completed, SUM(failed) AS failed, SUM(cancelled) AS cancelled,
        COUNT(*) AS installations
    FROM each GROUP BY by
), {_quantiles("by", "ends", "AND success IS 1")}
SELECT {_word("sums.by")} AS {dimension}, completed, failed, cancelled,
    ROUND(1.0 * completed / (completed + failed), 4) AS success_rate, median_ms, p95_ms, installations
FROM sums LEFT JOIN quantiles ON quantiles.by = sums.by
ORDER BY completed + failed DESC, 1"""


def _failures(dimension: str) -> str:
    """What failed, by category and one of :data:`DIMENSIONS`, as far as the events say that."""
    column = DIMENSIONS[dimension]
    known = "" if dimension == "version" else f"AND {column} != :unknown"
    return f"""
SELECT {_word("event")} AS event, {_word("error")} AS category, {_word(column)} AS {dimension}, COUNT(*) AS failures,
    COUNT(DISTINCT installation) AS installations
FROM events WHERE {_EVENTS} AND error != :unknown {known}
    AND {_event("task.failed", "session.failure", "tool.called", "command.executed")}
GROUP BY event, error, {column} ORDER BY failures DESC, 1, 2, 3"""


_MODELS = f"""
SELECT {_word("model")} AS model, SUM(input) AS input_tokens, SUM(output) AS output_tokens,
    ROUND(SUM(cost_usd), 2) AS cost_usd, COUNT(DISTINCT installation) AS installations
FROM events WHERE {_EVENTS} AND {_event("token.usage")}
GROUP BY model ORDER BY input_tokens DESC, 1"""


def _used(event: str) -> str:
    return f"""
WITH used AS MATERIALIZED (
    SELECT name, success, took_ms, installation FROM events WHERE {_EVENTS} AND {_event(event)}
), each AS (SELECT name, COUNT(*) AS calls, SUM(success IS 0) AS failed FROM used GROUP BY name, installation),
sums AS (
    SELECT name, SUM(calls) AS calls, SUM(failed) AS failed, COUNT(*) AS installations FROM each GROUP BY name
), {_quantiles("name", "used")}
SELECT {_word("sums.name")} AS name, calls, failed, ROUND(1.0 * failed / calls, 4) AS failure_rate, median_ms, p95_ms,
    installations
FROM sums LEFT JOIN quantiles ON quantiles.name = sums.name
ORDER BY calls DESC, 1"""


_TOOLS_BY_VERSION = f"""
WITH each AS (
    SELECT name, version, COUNT(*) AS calls, SUM(success IS 0) AS failed
    FROM events WHERE {_EVENTS} AND {_event("tool.called")} GROUP BY name, version, installation
)
SELECT {_word("name")} AS name, {_word("version")} AS version, SUM(calls) AS calls, SUM(failed) AS failed,
    ROUND(1.0 * SUM(failed) / SUM(calls), 4) AS failure_rate, COUNT(*) AS installations
FROM each GROUP BY name, version ORDER BY 1, 2"""

_SESSIONS = f"""
WITH ended AS (
    SELECT version, COUNT(*) AS sessions, SUM(success IS 0) AS bad, COUNT(DISTINCT installation) AS installations
    FROM events WHERE {_EVENTS} AND {_event("session.ended")} GROUP BY version
)
SELECT {_word("version")} AS version, sessions, bad, ROUND(1.0 * bad / sessions, 4) AS bad_rate, installations
FROM ended ORDER BY sessions DESC, 1"""

_BAD_ENDS = f"""
SELECT {_word("error")} AS category, {_word("provider")} AS provider, {_word("model")} AS model, COUNT(*) AS sessions,
    COUNT(DISTINCT installation) AS installations
FROM events WHERE {_EVENTS} AND {_event("session.failure")}
GROUP BY error, provider, model ORDER BY sessions DESC, 1, 2, 3"""

_TIMED = ("task.completed", "session.ended", "tool.called", "command.executed", "workflow.completed")

_SLOW = f"""
WITH timed AS NOT MATERIALIZED (
    SELECT event, name, took_ms, installation FROM events
    WHERE {_EVENTS} AND took_ms IS NOT NULL AND {_event(*_TIMED)}
), behind AS (
    SELECT event, name, COUNT(*) AS installations FROM (SELECT DISTINCT installation, name, event FROM timed)
    GROUP BY event, name
), {_quantiles("event, name", "timed")}
SELECT {_word("event")} AS event, {_word("name")} AS name, count, median_ms, p95_ms, p99_ms, installations
FROM quantiles JOIN behind USING (event, name)
ORDER BY p95_ms DESC, 1, 2"""

QUESTIONS: dict[str, str] = {
    **{f"active_by_{period}": _active(period) for period in PERIODS},
    "retention": _RETENTION,
    "versions": _VERSIONS,
    **{f"tasks_by_{dimension}": _tasks(dimension) for dimension in DIMENSIONS},
    **{f"failures_by_{dimension}": _failures(dimension) for dimension in DIMENSIONS},
    "models": _MODELS,
    "tools": _used("tool.called"),
    "tools_by_version": _TOOLS_BY_VERSION,
    "commands": _used("command.executed"),
    "sessions": _SESSIONS,
    "bad_ends": _BAD_ENDS,
    "slow": _SLOW,
}
"""Every question that has no parameters of its own, by its name."""

_STEP = "SELECT installation, MIN(occurred) AS at FROM events"


def funnel() -> str:
    """Installations that did the first of three events, then the second, then the third (ids ``:first`` and so on)."""
    return f"""
WITH one AS ({_STEP} WHERE {_EVENTS} AND event = :first GROUP BY installation),
two AS (
    SELECT installation, MIN(occurred) AS at FROM events JOIN one USING (installation)
    WHERE {_EVENTS} AND event = :second AND occurred >= one.at GROUP BY installation
), three AS (
    SELECT installation, MIN(occurred) AS at FROM events JOIN two USING (installation)
    WHERE {_EVENTS} AND event = :third AND occurred >= two.at GROUP BY installation
)
SELECT 1 AS step, COUNT(*) AS installations FROM one
UNION ALL SELECT 2, COUNT(*) FROM two UNION ALL SELECT 3, COUNT(*) FROM three"""


COMPARED: dict[str, tuple[str, str, str]] = {
    "task failure rate": ("success IS 0", "success IS NOT NULL", _event("task.completed", "task.failed")),
    "tool failure rate": ("success IS 0", "1", _event("tool.called")),
    "command failure rate": ("success IS 0", "1", _event("command.executed")),
    "sessions that end badly": ("success IS 0", "1", _event("session.ended")),
    "task duration, ms": ("duration_ms", "duration_ms IS NOT NULL", _event("task.completed")),
    "tokens per session": ("COALESCE(input, 0) + COALESCE(output, 0)", "1", _event("session.ended")),
    "cost per session, USD": ("cost_usd", "cost_usd IS NOT NULL", _event("session.ended")),
}
"""What two versions are compared by: the sum above the line, the count below it, and the events that give them."""


def compared(measure: str) -> str:
    """For versions ``:before`` and ``:after``: each installation's sum and count of a measure of :data:`COMPARED`."""
    above, below, events = COMPARED[measure]
    return f"""
SELECT version = :after AS is_after, installation, TOTAL({above}) AS above, SUM({below}) AS below
FROM events WHERE {_EVENTS} AND {events} AND version IN (:before, :after)
GROUP BY version, installation HAVING SUM({below}) > 0 ORDER BY 1, 2"""
