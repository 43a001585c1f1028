"""The trace store: one SQLite file, one writer at a time, readers that never wait for it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from otel_agent_telemetry import _deadline, semconv
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local.store._agents import NEXT_SPAN, insert_made
from otel_agent_telemetry.local.store._batch import Batch, Origin, batch
from otel_agent_telemetry.local.store._file import StoreFile
from otel_agent_telemetry.local.store._records import log_rows, metric_rows
from otel_agent_telemetry.local.store._rows import insert
from otel_agent_telemetry.local.store._settle import settle_trace
from otel_agent_telemetry.local.store._steps import COLUMNS, values_of
from otel_agent_telemetry.local.store._steps_made import READ_UPTO, read_new
from otel_agent_telemetry.local.store._tables import NOT_SETTLED
from otel_agent_telemetry.local.store._trace_rows import insert_traces
from otel_agent_telemetry.local.store._watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from otel_agent_telemetry.local.store._records import SignalRow


__all__ = ["Added", "Store"]

T = TypeVar("T")

_logger = logging.getLogger(__name__)

_INSERT_ORIGIN = "INSERT INTO origins VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
_INSERT_EVENTS = """
INSERT OR IGNORE INTO events (received_ns, dialect, content_type, body, digest) VALUES (?, ?, ?, ?, ?)
"""
_PENDING = "SELECT id FROM traces WHERE unsettled AND unsettled > 0 LIMIT ?"
_UNSETTLED_COUNT = f"""
SELECT count(*) FROM traces
WHERE (unsettled AND unsettled > 0) OR id IN (SELECT trace FROM spans WHERE id > ({READ_UPTO}))
"""
_UNSETTLED = "SELECT 1 FROM traces WHERE id = ? AND unsettled > 0"
_STORED = "SELECT id, span_id, end_ns FROM spans WHERE trace = ?"
_INSERT_SPAN = "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_JUDGEMENT = semconv.GEN_AI_EVALUATION_RESULT.encode()
_OTHERS_SECONDS = 1.0  # how often another process's writing is looked for
_LULL_SECONDS = 0.25
_CATCH_UP_SECONDS = 0.25  # whoever asks waits so long at most for what he would see a moment later


class Added(NamedTuple):
    """How many records of a request are in the store now for the first time, were there already, had to be refused."""

    new: int
    known: int
    refused: int = 0


class Store:
    """A store that is open for writing. Every ``add_*`` is one transaction: all of it is readable after it, or none.

    Safe to share between threads. Raises InputError where the file cannot be used, ``sqlite3.OperationalError`` where
    it is locked by another process for seconds or the disk is full. A file that somebody took away, or that is found
    broken, is replaced by a new one. ``arrived`` is set by what is added, for one who waits for that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = StoreFile(path)
        self._changed = threading.Condition()
        self._last_spans = float("-inf")
        self._has_unread = True
        self.arrived = threading.Event()

    def close(self) -> None:
        """Close the file; its write-ahead log is folded in."""
        self.file.close()

    def reader(self) -> sqlite3.Connection:
        """A read-only connection of the caller's own; what was added here is read before, as far as a moment goes."""
        if self._has_unread:
            self._catch_up()
        return self.file.reader()

    def add_spans(self, request: ExportTraceServiceRequest) -> Added:
        """Store a request's spans; a span that is already there stays as it is."""
        made = batch(request)
        self._last_spans = time.monotonic()

        def step(connection: sqlite3.Connection) -> None:
            if not _insert_spans(connection, _origin_ids(connection, made), made):
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                _drop_stored(connection, made)
                _insert_spans(connection, _origin_ids(connection, made), made)
            if made.runs:
                insert_made(connection, _origin_id, made.runs)

        self._write(step)
        self._has_unread = True
        self.arrived.set()
        return Added(len(made.spans), made.read - len(made.spans), made.rejected)

    def add_logs(self, request: ExportLogsServiceRequest, *, only_new: bool = False) -> Added:
        """Store a request's log records; ``only_new`` leaves out those that are there already."""
        return self._add_rows("logs", log_rows(request), only_new=only_new)

    def add_metrics(self, request: ExportMetricsServiceRequest, *, only_new: bool = False) -> Added:
        """Store a request's metrics, one row each with all its points."""
        return self._add_rows("metrics", metric_rows(request), only_new=only_new)

    def add_events(self, dialect: str, content_type: str, body: bytes, *, key: str = "") -> None:
        """Keep an anonymous event's body byte for byte; one that comes again under its ``key`` is there already."""
        digest = blake2b(key.encode() + b"\n" + body, digest_size=16).digest() if key else None
        values = (time.time_ns(), dialect, content_type, body, digest)
        self._write(lambda connection: connection.execute(_INSERT_EVENTS, values))

    def read_new(self, limit: int = 1_000) -> int:
        """Read what up to ``limit`` spans say that came since the last time; give how many those were."""
        self._has_unread = False  # before it is looked, as more may come meanwhile
        done = limit
        try:
            done = self._write(lambda connection: read_new(connection, limit))
        finally:
            self._has_unread = self._has_unread or done == limit
        return done

    def settle(self, limit: int = 200) -> int:
        """Work out tokens, runs and sessions of up to ``limit`` traces that changed; give how many were done.

        What came since the last time is read first.
        """
        while self.read_new():
            pass

        def step(connection: sqlite3.Connection) -> int:
            pending = connection.execute(_PENDING, (limit,)).fetchall()
            for (trace,) in pending:
                if connection.execute(_UNSETTLED, (trace,)).fetchone():  # else it was settled with another one
                    _settle_one(connection, trace)
            return len(pending)

        return self._write(step)

    def unsettled(self) -> int:
        """How many traces have changed since their totals were worked out."""
        with closing(self.reader()) as connection:
            return int(connection.execute(_UNSETTLED_COUNT).fetchone()[0])

    def leave_checkpoints(self) -> None:
        """Stop folding the log into the file while writing: :meth:`checkpoint` does it from now on."""
        self.file.leave_checkpoints()

    def checkpoint(self) -> None:
        """Fold the log into the file beside the writers; they wait only where it has grown too long."""
        self.file.checkpoint()

    def quiet_seconds(self) -> float:
        """How long ago the last spans came."""
        return time.monotonic() - self._last_spans

    def wake(self) -> None:
        """Tell those who wait for a change."""
        with self._changed:
            self._changed.notify_all()

    def changes(self, silence_seconds: float, ending: threading.Event) -> Generator[bool, None, None]:
        """True after something was stored by any process, False after that long without; four a second at most."""
        with Watch(self.file) as watch:
            silent_since = time.monotonic()
            while not ending.is_set():
                with self._changed:
                    self._changed.wait(_OTHERS_SECONDS)
                if watch.has_changed():
                    silent_since = time.monotonic()
                    yield True
                    ending.wait(_LULL_SECONDS)
                elif time.monotonic() - silent_since > silence_seconds:
                    silent_since = time.monotonic()
                    yield False

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """The writing connection inside a transaction, which is undone where the block raises."""
        with self.file.writing() as connection:
            yield connection
        self.wake()

    def _catch_up(self) -> None:
        ends_at = time.monotonic() + _CATCH_UP_SECONDS
        with _deadline.Within(_CATCH_UP_SECONDS), suppress(sqlite3.Error, OSError, InputError):
            while self.read_new() and time.monotonic() < ends_at:
                pass

    def _write(self, step: Callable[[sqlite3.Connection], T]) -> T:
        result = self.file.run(step)
        self.wake()
        return result

    def _add_rows(self, table: str, rows: list[SignalRow], *, only_new: bool) -> Added:
        known = f"SELECT count(*) FROM {table} WHERE time_ns = ? AND origin = ? AND body = ? AND id <= ?"

        def step(connection: sqlite3.Connection) -> Added:
            added, origins = 0, dict[bytes, int]()
            last = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
            for source, values, made in rows:
                number = origins.get(source.digest)
                if number is None:
                    number = origins[source.digest] = _origin_id(connection, source)
                if only_new and connection.execute(known, (values[-2], number, values[-1], last)).fetchone()[0]:
                    continue
                connection.execute(f"INSERT INTO {table} VALUES (NULL, ?, ?, ?, ?, ?)", (number, *values))
                added += 1
                if made:
                    insert_made(connection, _origin_id, [(source, each) for each in made])
                    self._last_spans = time.monotonic()
            return Added(added, len(rows) - added)

        rows_added = self._write(step)
        self.arrived.set()
        return rows_added


def _settle_one(connection: sqlite3.Connection, trace: int) -> None:
    """Settle a trace, or leave it as it is and mark it, so that it is not tried again before more of it comes."""
    connection.execute("SAVEPOINT one_trace")
    try:
        settle_trace(connection, trace)
    except (OSError, sqlite3.OperationalError):
        raise
    except Exception as error:  # noqa: BLE001 - one trace that cannot be understood must not hold up the others
        connection.execute("ROLLBACK TO one_trace")
        (trace_id,) = connection.execute(
            "UPDATE traces SET unsettled = ? WHERE id = ? RETURNING hex(trace_id)", (NOT_SETTLED, trace)
        ).fetchone()
        _logger.warning("trace %s cannot be settled, its totals stay as they are: %r", trace_id.lower(), error)
    connection.execute("RELEASE one_trace")


def _origin_ids(connection: sqlite3.Connection, made: Batch) -> dict[bytes, int]:
    return {digest: _origin_id(connection, source) for digest, source in made.origins.items()}


def _origin_id(connection: sqlite3.Connection, source: Origin) -> int:
    """Looked up each time, as another process may have let go of an origin that nothing referred to."""
    row = connection.execute("SELECT id FROM origins WHERE digest = ?", (source.digest,)).fetchone()
    if row is None:
        about = (source.digest, source.service, source.scope, source.resource, source.resource_schema)
        scope = (source.scope_body, source.scope_schema, source.harness)
        row = connection.execute(_INSERT_ORIGIN, (*about, *scope)).fetchone()
    return int(row[0])


def _insert_spans(connection: sqlite3.Connection, origins: dict[bytes, int], made: Batch) -> bool:
    """Insert the rows; False where one of them is stored already, and then nothing of this may be kept."""
    traces = insert_traces(connection, origins, made)
    first = int(connection.execute(NEXT_SPAN).fetchone()[0])
    rows = made.spans.values()
    # of bytes, as of None, Python's SQLite module asks how to adapt them
    values = [
        (
            *(number, traces[row.trace_id], row.span_id, row.parent_id, origins[row.origin]),
            *(row.start_ns, row.end_ns, row.status, row.name, bytearray(row.body)),
        )
        for number, row in enumerate(rows, first)
    ]
    done = connection.executemany(_INSERT_SPAN, values)
    if done.rowcount < len(rows) and rows:
        return False
    steps = [
        values_of(number, traces[row.trace_id], row.said)
        for number, row in enumerate(rows, first)
        if row.said is not None
    ]
    insert(connection, "steps", COLUMNS, steps)
    judged = ((traces[row.trace_id], number) for number, row in enumerate(rows, first) if _JUDGEMENT in row.body)
    connection.executemany("INSERT OR IGNORE INTO judged VALUES (?, ?)", judged)
    return True


def _drop_stored(connection: sqlite3.Connection, made: Batch) -> None:
    """Leave out what is stored; but what was stored before it had ended gives way to the whole span."""
    for trace_id in {key[0] for key in made.spans}:
        trace = connection.execute("SELECT id FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        for number, span_id, end_ns in connection.execute(_STORED, trace or (0,)).fetchall():
            row = made.spans.get((trace_id, span_id))
            if row is None:
                continue
            if end_ns or not row.end_ns:
                del made.spans[trace_id, span_id]
            else:
                connection.execute("DELETE FROM spans WHERE id = ?", (number,))
                connection.execute("DELETE FROM steps WHERE id = ?", (number,))
                connection.execute("UPDATE traces SET spans = spans - 1 WHERE id = ?", trace)
