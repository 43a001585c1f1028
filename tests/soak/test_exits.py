"""The end of a program: what telemetry adds to it under each fault, beside the same program that only imports it."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT
from tests.parts import absent
from tests.recorder import Answer, Recorder
from tests.soak.sizes import sizes
from tests.soak.zygote import Zygote, zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

PROGRAM = """
    import json

    os.environ.update(json.loads(bytes.fromhex(arguments[1])))
    if arguments[0] == "with":
        telemetry.configure()
        for step in range(20):
            telemetry.server_started(port=step)
        with telemetry.session(agent="planner"), telemetry.task("research", source="slack"):
            telemetry.record_tokens("gpt-5.2", input=3, output=4)
    time.sleep(0.1)  # so that writing and sending are under way
    say(time.monotonic(), time.process_time())
"""
BOUND_SECONDS = 0.05
ANSWER_SECONDS = 0.2
COLLECTOR_SECONDS = 2.0  # AGENT_TELEMETRY_EXIT_TIMEOUT, as it is where nobody sets it
MANY = 20  # runs: fewer have no 99th percentile
LOOSE_SECONDS = 3.0  # of the short form, which runs beside other tests: what hangs takes longer
WALL, PROCESSOR = 0, 1


@dataclass
class Fault:
    """Settings of the program while the fault lasts, and how much longer than our own bound it may take."""

    variables: dict[str, str] = field(default_factory=dict[str, str])
    more_seconds: float = 0.0


@contextlib.contextmanager
def dead(_folder: Path) -> Generator[Fault]:
    """Nobody listens at the endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield Fault({"AGENT_TELEMETRY_ENDPOINT": f"http://127.0.0.1:{port}/"})


@contextlib.contextmanager
def hanging(_folder: Path) -> Generator[Fault]:
    """The endpoint takes requests and never answers: one that is under way has a moment for its answer."""
    with Recorder(default=Answer(after=threading.Event())) as endpoint:
        yield Fault({"AGENT_TELEMETRY_ENDPOINT": endpoint.url}, ANSWER_SECONDS)


@contextlib.contextmanager
def locked(folder: Path) -> Generator[Fault]:
    """Another process holds the ledger locked."""
    path = ledger_file(str(folder), PRODUCT)
    Ledger(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield Fault()
    connection.close()


@contextlib.contextmanager
def no_collector(_folder: Path) -> Generator[Fault]:
    """Nobody listens where the operator's traces go: his exporters may have two seconds, which is a setting of his."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield Fault({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}, COLLECTOR_SECONDS)


@contextlib.contextmanager
def full(folder: Path) -> Generator[Fault]:
    """There is no room left on the disk; needs an account that may mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        absent("a disk of its own", "sudo make soak")
    try:
        with contextlib.suppress(OSError), (folder / "filling").open("wb", buffering=0) as filling:
            while True:
                filling.write(b"x" * 1024)
        yield Fault()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


FAULTS: dict[str, Callable[[Path], AbstractContextManager[Fault]]] = {
    "no fault": lambda _: contextlib.nullcontext(Fault()),
    "dead endpoint": dead,
    "hanging endpoint": hanging,
    "locked ledger": locked,
    "dead collector": no_collector,
    "full disk": full,
}


@sizes("EXITS", short=2, long=50)
def test_exits(size: int, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """Under each fault the program ends with its own exit code, and within its time of the same program without.

    The 99th percentile of time that passes counts where the machine is quiet, so that the program without telemetry
    varies by less than the bound; the median and processor time count on any.
    """
    late: dict[str, list[float]] = {}
    with zygote(PROGRAM, tmp_path) as runs:
        for fault, during in FAULTS.items():
            folder = tmp_path / fault
            with during(folder) as under:
                took = measured(runs, size, {"AGENT_TELEMETRY_STATE_DIR": str(folder), **under.variables})
            added = {(of, kind): more(took, kind, of) for kind in (WALL, PROCESSOR) for of in (50, 99)}
            noise = spread(took["without"])
            words = [f"p{of} {1000 * added[of, WALL]:+.0f} ms ({1000 * added[of, PROCESSOR]:+.0f})" for of in (50, 99)]
            figure(f"exit, {fault}, {size} runs", f"{', '.join(words)}; without it p99 - p50 {1000 * noise:.0f} ms")
            bound = under.more_seconds + (BOUND_SECONDS if size >= MANY else LOOSE_SECONDS)
            counting = [added[50, WALL], added[99, PROCESSOR], *([added[99, WALL]] if noise <= BOUND_SECONDS else [])]
            if max(counting) > bound:
                late[fault] = counting
    assert late == {}


def measured(runs: Zygote, size: int, variables: dict[str, str]) -> dict[str, list[tuple[float, float]]]:
    """Seconds that pass, and of processor time, from the program's last line until it is gone, by turns."""
    took: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    for number in range(2 * size):
        how = ("without", "with")[number % 2]
        runs.start(number, how, json.dumps(variables).encode().hex())
        ended = runs.end()
        assert (len(ended.said), ended.code) == (1, 0)
        at, used = map(float, ended.said[0].split())
        took[how].append((ended.at - at, ended.used - used))
    return took


def more(took: dict[str, list[tuple[float, float]]], kind: int, of_hundred: int) -> float:
    """What telemetry adds to that percentile."""
    given, without = ([each[kind] for each in took[how]] for how in ("with", "without"))
    return percentile(given, of_hundred) - percentile(without, of_hundred)


def spread(took: list[tuple[float, float]]) -> float:
    """By how much the time that passes varies."""
    passed = [each[WALL] for each in took]
    return percentile(passed, 99) - percentile(passed, 50)


def percentile(seconds: list[float], of_hundred: int) -> float:
    """The value below which so many of a hundred are, the nearest that was measured above it."""
    ranked = sorted(seconds)
    return ranked[min(len(ranked) - 1, -(-len(ranked) * of_hundred // 100) - 1)]
