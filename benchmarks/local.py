"""How fast the local server is: start, spans per second until readable, pages over a large store, memory.

Run: ``python benchmarks/local.py [--spans 1000000] [--json]``. The clients are processes of their own and share the
machine with the server, as they do on a developer's.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from _load import BATCH, HEADERS, made_batch, post_batches, warm_up

from otel_agent_telemetry.local import answer, running

ROUNDS = 30
PAGES = {
    "first list page": "/api/traces?limit=51",
    "list page, errors of one service": "/api/traces?limit=51&status=error&service=bench",
    "list page, longest first": "/api/traces?limit=51&sort=duration",
    "a trace of 1,000 spans": "/api/traces/{big}",
    "one span's details": "/api/traces/{big}/spans/{span}",
    "list page, most tokens first": "/api/traces?limit=51&sort=tokens",
    "search by model": "/api/traces?limit=51&q=model:gpt-bench",
    "search by a model that none called": "/api/traces?limit=51&q=model:nothing",
    "search by models with a star, tool and error": "/api/traces?limit=51&q=model:gpt*+tool:search+error",
    "search by session": "/api/traces?limit=51&q=session:talk-77",
    "search by tokens and duration": "/api/traces?limit=51&q=tokens:%3E20000+dur:%3E40ms",
    "usage by model": "/api/usage?by=model",
    "list page, most costly first": "/api/traces?limit=51&sort=cost",
    "search by cost": "/api/traces?limit=51&q=cost:%3E0.1",
    "sessions": "/api/sessions",
    "sessions that match": "/api/sessions?q=model:gpt-bench+error",
    "sessions, most costly first": "/api/sessions?sort=cost",
    "sessions by cost": "/api/sessions?q=cost:%3E0.1",
    "usage by session, as the page asks": "/api/usage?by=session&limit=200",
    "usage by session, all of them": "/api/usage?by=session",
    "series by model": "/api/series?step=hour&stack=model",
    "series by session": "/api/series?step=hour&stack=session",
    "series by user": "/api/series?step=hour&stack=user",
    "latency by model": "/api/latency?by=model",
    "errors": "/api/errors",
    "a trace of 10,000 spans": "/api/traces/{huge}",
    "what the search box offers": "/api/facets",
}
FIRST = ("usage by model", "series by session", "sessions")
SLOW_PAGES = {
    "search by a rare attribute": "/api/traces?limit=51&q=shop.order%3D999983",
    "search by a frequent attribute": "/api/traces?limit=51&q=http.request.method%3DGET",
    "search by a rare text": "/api/traces?limit=51&q=%22talk-4999%22",
    "search by a frequent text": "/api/traces?limit=51&q=shopper",
    "search by a text that is nowhere": "/api/traces?limit=51&q=zqzqzq",
    "search for traces without a text that all have": "/api/traces?limit=51&q=-shopper",
    "search for traces without an attribute that all have": "/api/traces?limit=51&q=-http.request.method%3DGET",
}
QUESTIONS = {
    "cost of all sessions": "SELECT sum(cost_usd) FROM sessions",
    "cost of all traces": "SELECT sum(cost_usd) FROM traces",
    "tokens of model calls by model": "SELECT model, sum(input_tokens) FROM model_calls GROUP BY 1",
    "cost of model calls by model": "SELECT model, sum(cost_usd) FROM model_calls GROUP BY 1",
    "spans by service": "SELECT service, count(*) FROM spans GROUP BY 1",
}


class Serving:
    """The server as a process, from its start to its end."""

    def __init__(self, db: Path) -> None:
        began = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "otel_agent_telemetry",
            "serve",
            "--port",
            "0",
            "--db",
            str(db),
            "--max-size",
            "100GB",
        ]
        self.process: subprocess.Popen[str] = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )
        assert self.process.stderr is not None
        line: str = self.process.stderr.readline()
        self.address = urlsplit(line.split()[2]).netloc
        self.start_seconds = time.perf_counter() - began

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds and body of one request on a connection of its own."""
        connection = HTTPConnection(self.address, timeout=120)
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        taken = time.perf_counter() - began
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return taken, body

    def memory_mb(self) -> float:
        """The most memory that the process has had, in MB; Linux only."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """Processor time of the process so far; unlike a clock it hardly minds what else the machine does."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop the process."""
        self.process.terminate()
        self.process.wait(timeout=30)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--spans", type=int, default=1_000_000, help="how many spans the store holds when pages are timed"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder) / "traces.sqlite", options.spans)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:<60} {value}")


def measure(db: Path, spans: int) -> dict[str, object]:
    """Every figure by its name."""
    starts: list[float] = []
    for _ in range(5):
        server = Serving(db)
        starts.append(server.start_seconds)
        server.end()
    server = Serving(db)
    figures: dict[str, object] = {
        "load of the machine before, 1 minute": round(os.getloadavg()[0], 1),
        "price list installed": importlib.util.find_spec("genai_prices") is not None,
        "start, seconds (median of 5)": round(statistics.median(starts), 3),
        "memory after start, MB": round(server.memory_mb(), 1),
    }
    for clients in (1, 4):
        used = server.cpu_seconds()
        rate, latency = max((ingest(server, clients, 100 * BATCH) for _ in range(3)), key=lambda done: done[0])
        used = server.cpu_seconds() - used
        figures[f"spans/s until readable, best of 3, clients: {clients}"] = round(rate)
        figures[f"server's CPU, us per span, clients: {clients}"] = round(used / (300 * BATCH) * 1e6, 1)
        figures[f"ms per batch of {BATCH}, p50 p99, clients: {clients}"] = percentiles(latency)
    wait_worked_out(db)  # what the rounds before left
    began = time.perf_counter()
    ingest(server, 1, 100 * BATCH)
    wait_worked_out(db)
    figures["spans/s until all totals are worked out, clients: 1"] = round(100 * BATCH / (time.perf_counter() - began))
    rate, _ = max((ingest(server, 1, 100 * BATCH, is_plain=True) for _ in range(3)), key=lambda done: done[0])
    figures["spans/s, of spans that are no steps of an agent, clients: 1"] = round(rate)
    figures["memory after 500,000 spans, MB"] = round(server.memory_mb(), 1)
    stored = 1_000 * BATCH
    began = time.perf_counter()
    ingest(server, 2, max(spans - stored, 2 * BATCH))
    figures[f"seconds to fill up to {spans:,} spans"] = round(time.perf_counter() - began, 1)
    (big, span), (huge, _) = post_big(server, 1000), post_big(server, 10_000)
    began = time.perf_counter()
    wait_settled(server, huge)
    figures["seconds until all totals are worked out, after that"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    wait_indexed(db)
    figures["seconds until all is indexed, after that"] = round(time.perf_counter() - began, 1)
    figures["texts and attributes in the index, MB"] = round(index_mb(db), 1)
    wait_added_up(db)
    server.end()
    server = Serving(db)
    for name in FIRST:
        figures[f"{name}, the first question after a start, ms"] = round(server.get(PAGES[name])[0] * 1000, 1)
    for name, path in PAGES.items():
        times = [server.get(path.format(big=big, span=span, huge=huge))[0] for _ in range(ROUNDS)]
        figures[f"{name}, ms p50 p99"] = percentiles(times)
    for name, path in SLOW_PAGES.items():
        figures[f"{name}, ms p50 p99"] = percentiles([server.get(path)[0] for _ in range(3)])
    figures |= asked(db)
    figures["memory at the end, MB"] = round(server.memory_mb(), 1)
    server.end()
    figures["file, MB"] = round(db.stat().st_size / 1e6)
    return figures


def asked(db: Path) -> dict[str, object]:
    """What ``top`` and SQL take, without the start of a program: seconds of processor time."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        began = time.process_time()
        rows = running(connection, now_ns=time.time_ns(), within_ns=10**15)
        found[f"top, {len(rows)} sessions, CPU ms"] = round((time.process_time() - began) * 1000)
    for name, query in QUESTIONS.items():
        with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
            began = time.process_time()
            answer(connection, query, limit=100, seconds=120)
            found[f"SQL, {name}, CPU ms"] = round((time.process_time() - began) * 1000)
    return found


def ingest(server: Serving, clients: int, spans: int, *, is_plain: bool = False) -> tuple[float, list[float]]:
    """Spans per second, from the first byte until all are acknowledged and so readable; and seconds per batch."""
    batches = max(spans // BATCH // clients, 1)
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        pool.map(warm_up, range(clients))
        done = pool.starmap(
            post_batches, [(server.address, batches, seed, is_plain) for seed in range(clients)], chunksize=1
        )
    first, last = min(began for began, _, _ in done), max(ended for _, ended, _ in done)
    return batches * clients * BATCH / (last - first), [seconds for _, _, times in done for seconds in times]


def post_big(server: Serving, spans: int) -> tuple[str, str]:
    """A trace of so many spans: its id, and one of its spans'."""
    made = made_batch(random.Random(spans), spans, spans)  # noqa: S311 - a repeatable load, no secret
    connection = HTTPConnection(server.address, timeout=60)
    connection.request("POST", "/v1/traces", made.SerializeToString(), HEADERS)
    connection.getresponse().read()
    connection.close()
    span = made.resource_spans[0].scope_spans[0].spans[500]
    return span.trace_id.hex(), span.span_id.hex()


def wait_settled(server: Serving, trace: str) -> None:
    """Return once the totals of the last trace are there; they are worked out in the order of arrival."""
    while not json.loads(server.get(f"/api/traces/{trace}")[1])["trace"]["calls"]:
        time.sleep(0.1)


LEFT = """
SELECT (SELECT max(id) FROM spans) - coalesce(upto, 0) > 255
OR EXISTS (SELECT 1 FROM traces WHERE NOT unsettled AND id NOT IN (SELECT trace FROM priced)) FROM indexed
"""
NOT_ADDED_UP = """
SELECT count(DISTINCT start_ns / 3600000000000) * 5 > (SELECT count(*) FROM used_hours WHERE NOT pending) FROM steps
"""
UNSETTLED = """
SELECT (SELECT upto FROM reading) < (SELECT max(id) FROM spans) OR EXISTS (SELECT 1 FROM traces WHERE unsettled > 0)
"""
INDEX = """
SELECT (SELECT sum(length(block)) FROM texts_data) + (SELECT sum(length(block)) FROM attributes_data)
"""


def wait_worked_out(db: Path) -> None:
    """Return once every span is read and every trace settled."""
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        while connection.execute(UNSETTLED).fetchone()[0]:
            time.sleep(0.02)


def wait_indexed(db: Path) -> None:
    """Return once no whole block of spans is left to index, and no trace to price."""
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        while connection.execute(LEFT).fetchone()[0]:
            time.sleep(0.1)


def wait_added_up(db: Path) -> None:
    """Return once the sums of each hour are stored."""
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        while connection.execute(NOT_ADDED_UP).fetchone()[0]:
            time.sleep(0.1)


def index_mb(db: Path) -> float:
    """Size of the index over what spans hold."""
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(INDEX).fetchone()[0] / 1e6


def percentiles(seconds: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return (
        f"{statistics.median(ordered) * 1000:.1f} {ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000:.1f}"
    )


if __name__ == "__main__":
    main()
