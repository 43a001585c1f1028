"""``profiled.py PART``: where the time, or the memory, of a path goes, in the terms that benchmarks/README.md uses.

Parts: ``span`` (a lifecycle span beside the SDK's), ``writing`` (an event, from the finished span to the ledger),
``starting`` (imports, by who brings them) and ``memory``. Under a profiler all is slower: read the shares.
"""

from __future__ import annotations

import cProfile
import importlib
import os
import pstats
import subprocess
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peers import Peer

COUNT = 10_000
OURS = "otel_agent_telemetry"
STARTS = "import otel_agent_telemetry as t; t.configure(product='bench'); t.tool('x')"


def place(file: str, function: str) -> str:
    """Whose code that is: a part of ours, a package, the standard library, or what is written in C."""
    if file in {"~", "<string>"}:
        return f"C: {function.strip('<>')}" if "sqlite3" in function else "C: other"
    parts = Path(file).parts
    if OURS in parts:
        inner = parts[parts.index(OURS) + 1 :]
        return "/".join((OURS, *inner[:-1][:2])) if len(inner) > 1 else f"{OURS}/{inner[0].removesuffix('.py')}"
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :][:2])
    return "standard library"


def profiled(call: Callable[[], object], count: int) -> None:
    """Print microseconds and calls of functions, each ``count``th, by place."""
    profile = cProfile.Profile()
    profile.runcall(call)
    seconds, calls = Counter[str](), Counter[str]()
    for (file, _, function), row in pstats.Stats(profile).stats.items():  # pyright: ignore[reportAttributeAccessIssue] - not in typeshed
        seconds[place(file, function)] += row[2]
        calls[place(file, function)] += row[1]
    shown({name: 1e6 * used / count for name, used in seconds.items()}, "us")
    print(f"{sum(calls.values()) / count:8.1f} calls of functions")


def shown(parts: Mapping[str, float], unit: str) -> None:
    """Print the parts, the largest first, each with its share."""
    total = sum(parts.values())
    for name, value in sorted(parts.items(), key=lambda part: -part[1]):
        if value >= total / 100:
            print(f"{value:8.1f} {unit} {100 * value / total:4.0f} %  {name}")
    print(f"{total:8.1f} {unit}  all")


def span() -> None:
    """A lifecycle span on the caller's thread, with the SDK and with ours."""
    from peers import PEERS

    for name in ("sdk", "ours"):
        peer = PEERS[name](None, 1)
        peer.tool()
        peer.settle()
        print(f"\n{name}, one span")
        profiled(lambda peer=peer: [peer.tool() for _ in range(COUNT)], COUNT)
        peer.settle()


def writing() -> None:
    """An event, from the finished span to the ledger."""
    from writing import records, stream_in

    with tempfile.TemporaryDirectory() as folder:
        stream, given = stream_in(folder), records(COUNT + 1)

        def write(some: list[object]) -> None:
            for record in some:
                stream.ended(record, 0)
            stream.drain()

        write(given[:1])
        profiled(lambda: write(given[1:]), COUNT)
        stream.close()


def starting() -> None:
    """Imports until the first span can start, with OTLP: milliseconds by who brings them."""
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "AGENT_TELEMETRY_NOTICE": "0"}
    command = [sys.executable, "-X", "importtime", "-c", STARTS]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    parts, modules = Counter[str](), Counter[str]()
    for line in done.stderr.splitlines():
        _, _, row = line.partition("import time:")
        used, _, name = (cell.strip() for cell in row.split("|")) if row.count("|") == 2 else ("", "", "")
        if used.isdecimal():
            top = name.partition(".")[0]
            known = top if top in {OURS, "opentelemetry", "requests", "urllib3", "google"} else "all others"
            metrics = known == "opentelemetry" and "metric" in name
            parts[f"{known}{', metrics' if metrics else ''}"] += int(used) / 1e3
            modules[known] += 1
    shown(parts, "ms")
    print(f"{modules[OURS]} modules of ours")


def memory() -> None:
    """Resident megabytes at each step, and what of it is ours and grows with spans."""
    from memory import resident
    from peers import PEERS

    before = resident()

    def step(what: str) -> None:
        nonlocal before
        now = resident()
        print(f"{now - before:+8.1f} MB  {what}")
        before = now

    importlib.import_module("opentelemetry.sdk.trace.export")
    step("the SDK imported")
    peer = PEERS["ours"](None, 1)
    step("ours imported and configured")
    peer.tool()
    peer.settle()
    step("the first event: what reads, writes and stores it")
    tools(peer, 2 * COUNT)
    step(f"{2 * COUNT:,} more")
    tracemalloc.start()
    tools(peer, 2 * COUNT)  # more than are known after they ended
    found = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=True, filename_pattern=f"*{OURS}*")]
    )
    for row in found.statistics("lineno")[:3]:
        at = row.traceback[0]
        print(f"{row.size / 2**20:8.1f} MB  held from {'/'.join(Path(at.filename).parts[-2:])}:{at.lineno}")


def tools(peer: Peer, count: int) -> None:
    """So many tool calls, written as they come."""
    for number in range(count):
        peer.tool()
        if number % 500 == 0:
            peer.settle()
    peer.settle()


if __name__ == "__main__":
    {"span": span, "writing": writing, "starting": starting, "memory": memory}[sys.argv[1]]()
    sys.stdout.flush()
    os._exit(0)  # what is left to do at exit was not asked for
