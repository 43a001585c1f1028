"""The store's tables, and how a file gets them.

``PRAGMA user_version`` is the number of :data:`MIGRATIONS` that a file has seen; opening applies the rest, all or
none. Spans keep their protobuf bytes, so that nothing is lost on the way out, beside narrow columns to search by.
``traces.id`` grows with arrival, so the index over (trace, span) is written at its end, not at random.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry._sqlite import migrate

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "APPLICATION_ID",
    "HOUR_NS",
    "MIGRATIONS",
    "NOT_SETTLED",
    "RARE_KIND",
    "READ_AGAIN",
    "SUMMED",
    "Migration",
    "add_tables",
    "empty",
    "scripts",
]

NOT_SETTLED = -1
"""Value of ``traces.unsettled``: settling it failed; it is tried again once more of its spans come."""
READ_AGAIN = 2
"""Value of ``traces.unsettled``: its spans are read again, since an older release made other steps of them."""
HOUR_NS = 3600 * 10**9
APPLICATION_ID = 0x61746C31  # "atl1": tells our file from any other SQLite database

_SPANS = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE origins (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, service TEXT NOT NULL, scope TEXT NOT NULL,
    resource BLOB NOT NULL, resource_schema TEXT NOT NULL, scope_body BLOB NOT NULL, scope_schema TEXT NOT NULL
);
CREATE TABLE traces (
    id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL UNIQUE, received_ns INTEGER NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, spans INTEGER NOT NULL, errors INTEGER NOT NULL,
    rank INTEGER NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL, unsettled INTEGER NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0, tools INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT 0,
    input INTEGER, output INTEGER, cost REAL, session TEXT, agent TEXT
);
CREATE INDEX traces_by_start ON traces (start_ns);
CREATE INDEX traces_by_session ON traces (session, start_ns) WHERE session IS NOT NULL;
CREATE INDEX traces_unsettled ON traces (id) WHERE unsettled;
CREATE TABLE spans (
    id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, span_id INTEGER NOT NULL, parent_id INTEGER NOT NULL,
    origin INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, status INTEGER NOT NULL,
    name TEXT NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX spans_by_trace ON spans (trace, span_id);
CREATE TABLE visits (trace INTEGER NOT NULL, origin INTEGER NOT NULL, PRIMARY KEY (trace, origin)) WITHOUT ROWID;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, kind TEXT NOT NULL, counted INTEGER NOT NULL,
    spends INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, is_error INTEGER NOT NULL,
    name TEXT, model TEXT, provider TEXT, agent TEXT, tool TEXT, session TEXT, response_id TEXT,
    outcome TEXT, input INTEGER, output INTEGER, cache_read INTEGER, cache_write INTEGER, reasoning INTEGER, cost REAL
);
CREATE INDEX steps_by_trace ON steps (trace);
CREATE INDEX steps_by_response ON steps (response_id) WHERE response_id IS NOT NULL;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, received_ns INTEGER NOT NULL, trace_id BLOB,
    time_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX logs_by_time ON logs (time_ns);
CREATE INDEX logs_by_trace ON logs (trace_id) WHERE trace_id IS NOT NULL;
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, received_ns INTEGER NOT NULL, name TEXT NOT NULL,
    time_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX metrics_by_time ON metrics (time_ns);
"""

_EVENTS = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, dialect TEXT NOT NULL, content_type TEXT NOT NULL,
    body BLOB NOT NULL
);
"""

_ARRIVAL = """
CREATE INDEX IF NOT EXISTS traces_by_arrival ON traces (received_ns);
"""

_EVENTS_ONCE = """
ALTER TABLE events ADD COLUMN digest BLOB;
CREATE UNIQUE INDEX events_once ON events (digest) WHERE digest IS NOT NULL;
"""

_STEPS = f"""
DROP TABLE IF EXISTS steps;
DROP TABLE IF EXISTS attendances;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, kind TEXT NOT NULL, counted INTEGER NOT NULL,
    spends INTEGER NOT NULL, speaker INTEGER, model TEXT, provider TEXT, agent TEXT, session TEXT,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, said_kind TEXT NOT NULL, name TEXT, tool TEXT, asked TEXT,
    answered TEXT, said_provider TEXT, said_agent TEXT, agent_id TEXT, said_session TEXT, response_id TEXT,
    call_id TEXT, outcome TEXT, error TEXT, flags INTEGER NOT NULL, input INTEGER, output INTEGER, cache_read INTEGER,
    cache_write INTEGER, reasoning INTEGER, cost REAL
);
CREATE INDEX steps_by_trace ON steps (trace);
CREATE INDEX steps_by_response ON steps (response_id) WHERE response_id IS NOT NULL;
CREATE INDEX steps_at_root ON steps (start_ns) WHERE flags & 16;
CREATE TABLE attendances (
    trace INTEGER NOT NULL, session TEXT NOT NULL, agent TEXT, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    errors INTEGER NOT NULL, calls INTEGER NOT NULL, tools INTEGER NOT NULL, input INTEGER, output INTEGER,
    PRIMARY KEY (trace, session)
) WITHOUT ROWID;
CREATE INDEX attendances_by_session ON attendances (session, start_ns);
UPDATE traces SET unsettled = {READ_AGAIN};
"""

_AGENTS = f"""
ALTER TABLE origins ADD COLUMN harness TEXT;
ALTER TABLE traces ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traces ADD COLUMN outcome TEXT;
ALTER TABLE steps ADD COLUMN evidence TEXT;
CREATE INDEX steps_of_agents ON steps (trace) WHERE evidence IS NOT NULL;
CREATE INDEX steps_of_sessions ON steps (said_session) WHERE evidence IS NOT NULL;
CREATE INDEX steps_of_agents_by_start ON steps (start_ns) WHERE evidence IS NOT NULL;
CREATE TABLE homes (trace_id BLOB PRIMARY KEY, trace INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX homes_of_traces ON homes (trace);
UPDATE origins SET harness = CASE
    WHEN scope LIKE 'com.anthropic.claude_code%' OR service = 'claude-code' THEN 'claude-code'
    WHEN substr(scope, 1, 6) = 'codex_' OR substr(service, 1, 6) = 'codex_' THEN 'codex'
    WHEN scope = 'gemini-cli' OR service = 'gemini-cli' THEN 'gemini-cli'
    WHEN scope = 'qwen-code' OR service = 'qwen-code' THEN 'qwen-code'
    WHEN scope = 'github.copilot' OR service = 'github-copilot' THEN 'copilot'
    WHEN scope = 'opencode' OR service = 'opencode' THEN 'opencode'
    WHEN scope = 'cagent' OR service = 'cagent' THEN 'docker-agent'
    WHEN scope = 'goose' OR service = 'goose' THEN 'goose' END;
UPDATE traces SET unsettled = {READ_AGAIN} WHERE id IN (
    SELECT visits.trace FROM visits JOIN origins ON origins.id = visits.origin WHERE origins.harness IS NOT NULL);
"""

_BY_ORIGIN = """
CREATE INDEX IF NOT EXISTS logs_by_origin ON logs (origin);
CREATE INDEX IF NOT EXISTS metrics_by_origin ON metrics (origin);
"""

_SETTLE_AGAIN = """
UPDATE traces SET unsettled = 1;
"""

_HOURS = f"""
CREATE INDEX IF NOT EXISTS steps_by_hour ON steps (start_ns / {HOUR_NS});
CREATE INDEX IF NOT EXISTS metrics_by_name ON metrics (name, time_ns);
"""

_SEARCH = """
CREATE INDEX IF NOT EXISTS steps_by_model ON steps (model, trace) WHERE model IS NOT NULL;
CREATE INDEX IF NOT EXISTS steps_by_agent ON steps (agent, trace) WHERE agent IS NOT NULL;
CREATE INDEX IF NOT EXISTS steps_by_tool ON steps (tool, trace) WHERE tool IS NOT NULL;
CREATE TABLE IF NOT EXISTS indexed (id INTEGER PRIMARY KEY CHECK (id = 1), first INTEGER, upto INTEGER);
INSERT OR IGNORE INTO indexed VALUES (1, NULL, NULL);
CREATE TABLE IF NOT EXISTS apart (span INTEGER PRIMARY KEY);
"""

_LISTED = """
CREATE TABLE IF NOT EXISTS priced (trace INTEGER PRIMARY KEY, usd REAL, stamp TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attendances_by_end ON attendances (session, end_ns);
"""

SUMMED = (
    *("cost", "metered", "unmetered", "input", "output", "cache_read", "cache_write"),
    *("calls", "errors", "tools", "runs"),
    *("all_input", "all_output", "all_cache_read", "all_cache_write", "all_reasoning"),
)
"""The columns of ``used`` that are added up: what has to be priced, counts, and tokens in all."""
_USED = f"""
DROP TABLE IF EXISTS hours;
CREATE TABLE IF NOT EXISTS used (
    stack TEXT NOT NULL, hour INTEGER NOT NULL, key TEXT, model TEXT, provider TEXT, size INTEGER NOT NULL,
    longest INTEGER, {", ".join(SUMMED)}
);
CREATE INDEX IF NOT EXISTS used_by_hour ON used (stack, hour);
CREATE TABLE IF NOT EXISTS used_hours (
    hour INTEGER NOT NULL, stack TEXT NOT NULL, sizes TEXT NOT NULL, pending INTEGER NOT NULL, PRIMARY KEY (hour, stack)
) WITHOUT ROWID;
"""
_SESSION_COSTS = """
ALTER TABLE attendances ADD COLUMN usd REAL;
ALTER TABLE attendances ADD COLUMN is_estimate INTEGER;
ALTER TABLE attendances ADD COLUMN unpriced INTEGER;
ALTER TABLE attendances ADD COLUMN stamp TEXT;
DELETE FROM priced;
"""
_USERS = f"""
ALTER TABLE steps ADD COLUMN user TEXT;
CREATE INDEX steps_by_user ON steps (user, trace) WHERE user IS NOT NULL;
CREATE TABLE IF NOT EXISTS users (span INTEGER PRIMARY KEY, user TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS users_of_old_spans AFTER DELETE ON spans BEGIN DELETE FROM users WHERE span = OLD.id; END;
UPDATE traces SET unsettled = {READ_AGAIN};
"""
RARE_KIND = "kind NOT IN ('model', 'tool', 'agent', 'other')"
"""What is true of the steps whose kind an index knows; of the others there are some in nearly every trace."""
_KINDS = f"""
CREATE INDEX IF NOT EXISTS steps_by_kind ON steps (kind, trace) WHERE {RARE_KIND};
UPDATE traces SET unsettled = {READ_AGAIN};
"""
_COVERING = """
DROP INDEX IF EXISTS attendances_by_session;
CREATE INDEX attendances_by_session ON attendances (session, start_ns, input, output);
CREATE INDEX IF NOT EXISTS attendances_by_cost ON attendances (session, stamp, usd, is_estimate, unpriced);
CREATE TABLE IF NOT EXISTS judged (trace INTEGER NOT NULL, span INTEGER NOT NULL, PRIMARY KEY (trace, span))
WITHOUT ROWID;
INSERT OR IGNORE INTO judged SELECT trace, id FROM spans WHERE instr(body, CAST('gen_ai.evaluation.result' AS BLOB));
CREATE TRIGGER IF NOT EXISTS judged_of_old_spans AFTER DELETE ON spans
BEGIN DELETE FROM judged WHERE trace = OLD.trace AND span = OLD.id; END;
"""
"""What is asked of sessions by the thousand is in the index; spans with a judgement are known beforehand."""
_READ_LATER = """
CREATE TABLE IF NOT EXISTS reading (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL);
INSERT OR REPLACE INTO reading SELECT 1, coalesce(max(id), 0) FROM spans;
"""
"""A span is stored first and read later, in the order of arrival: those up to that id have their steps."""
_TAKE_OUT = f"DELETE FROM used_hours WHERE hour = {{}}.start_ns / {HOUR_NS};"
_WATCHED = f"""
DELETE FROM used_hours;
DROP TRIGGER IF EXISTS hours_of_new_steps;
DROP TRIGGER IF EXISTS hours_of_old_steps;
DROP TRIGGER IF EXISTS hours_of_changed_steps;
CREATE TRIGGER hours_of_new_steps AFTER INSERT ON steps BEGIN {_TAKE_OUT.format("NEW")} END;
CREATE TRIGGER hours_of_old_steps AFTER DELETE ON steps BEGIN {_TAKE_OUT.format("OLD")} END;
CREATE TRIGGER hours_of_changed_steps AFTER UPDATE ON steps
BEGIN {_TAKE_OUT.format("OLD")} {_TAKE_OUT.format("NEW")} END;
"""
"""After the last migration, whichever it is: one that makes ``steps`` anew would otherwise lose what watches it."""


class Migration(NamedTuple):
    """A step from one schema to the next: statements, each ended by a semicolon at the end of its line.

    ``settles_again`` where what it changes bears on totals: every trace of an older store is then worked out anew.
    """

    statements: str
    settles_again: bool = False

    @property
    def script(self) -> str:
        """All that it does."""
        return self.statements + _SETTLE_AGAIN if self.settles_again else self.statements


MIGRATIONS = (
    Migration(_SPANS),
    Migration(_EVENTS),
    Migration(_ARRIVAL, settles_again=True),
    Migration(_STEPS),
    Migration(_EVENTS_ONCE),
    Migration(_AGENTS),
    Migration(_BY_ORIGIN),
    Migration(_SEARCH),
    Migration(_HOURS),
    Migration(_LISTED),
    Migration(_USED),
    Migration(_SESSION_COSTS),
    Migration(_USERS),
    Migration(_KINDS),
    Migration(_COVERING),
    Migration(_READ_LATER),
)


def scripts(migrations: Sequence[Migration]) -> list[str]:
    """What each of the migrations does; the last one also sets up what watches the steps."""
    *earlier, last = [migration.script for migration in migrations]
    return [*earlier, last + _WATCHED]


def add_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, or what an older store lacks of them; raises NewerError for a store of a newer release."""
    migrate(connection, scripts(MIGRATIONS))


def empty() -> sqlite3.Connection:
    """A connection to a store with nothing in it and no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    add_tables(connection)
    return connection
