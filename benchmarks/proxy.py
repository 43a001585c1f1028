"""What the maintainers' proxy takes: events a second in batches and one by one, bytes an event, the page, each answer.

``python benchmarks/proxy.py [EVENTS]``: a million by default, some minutes. Client and proxy share the machine, and
maybe others: "of one core" is by the proxy's processor time alone, which is what it does where it has a core to itself.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from otel_agent_telemetry._sqlite import connected_readonly
from otel_agent_telemetry.maintainers.answers import _questions
from tests.maintainers.proxy import Proxy
from tests.maintainers.synthetic import Life

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH, SINGLE, CONNECTIONS = 200, 30_000, (1, 8, 64)
EVENTS_OF_ONE = 2000
HEAD = "POST /v1/events HTTP/1.1\r\nHost: proxy\r\nContent-Type: application/json\r\n"


def of_one_core(proxy: Proxy, take: Callable[[Proxy, list[bytes]], int], bodies: list[bytes]) -> tuple[float, float]:
    """Events that ``take`` sends, a second of time and a second of the proxy's processor time."""
    began, worked = time.perf_counter(), _processor_seconds(proxy.process.pid)
    events = take(proxy, bodies)
    return events / (time.perf_counter() - began), events / (_processor_seconds(proxy.process.pid) - worked)


def _processor_seconds(pid: int) -> float:
    """What a process has used of all cores (Linux, proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_batches(proxy: Proxy, bodies: list[bytes]) -> int:
    """Send all of them over two connections; gives how many."""
    halves = bodies[: len(bodies) // 2], bodies[len(bodies) // 2 :]
    threads = [threading.Thread(target=_post_all, args=(proxy, half)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(bodies)


def _post_all(proxy: Proxy, bodies: list[bytes]) -> None:
    connection = HTTPConnection(urlsplit(proxy.url).netloc)
    headers = {"Content-Type": "application/x-ndjson"}
    for at in range(0, len(bodies), BATCH):
        connection.request(
            "POST", "/v1/events", b"\n".join(bodies[at : at + BATCH]), {**headers, "Idempotency-Key": str(at)}
        )
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status


def one_by_one(proxy: Proxy, bodies: list[bytes], connections: int) -> int:
    """Send each in a request of its own, one at a time on each connection; gives how many.

    One thread, and requests that were written before, so that the client takes a tenth of what the proxy does.
    """
    host, _, port = urlsplit(proxy.url).netloc.partition(":")
    waiting = iter(bodies)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for request in islice(waiting, connections):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(request)
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                connection = cast("socket.socket", key.fileobj)
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
                request = next(waiting, None)
                if request is None:
                    selector.unregister(connection)
                else:
                    connection.sendall(request)
    return len(bodies)


def requests_of(bodies: list[bytes]) -> list[bytes]:
    """A request for each event, as our clients send it."""
    return [
        f"{HEAD}Idempotency-Key: {number:032x}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for number, body in enumerate(bodies)
    ]


def opened(proxy: Proxy) -> tuple[float, float, float]:
    """Open the page: seconds until something of it is there, until all of it is, and of the proxy's processor time."""
    began, worked = time.perf_counter(), _processor_seconds(proxy.process.pid)
    with closing(HTTPConnection(urlsplit(proxy.url).netloc)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read(1)
        first = time.perf_counter() - began
        answer.read()
    return first, time.perf_counter() - began, _processor_seconds(proxy.process.pid) - worked


def answers(path: Path) -> dict[str, float]:
    """Seconds for each question of the report."""
    with connected_readonly(path) as connection:
        ids = {text: number for number, text in connection.execute("SELECT id, text FROM words")}
        given = {
            "product": ids["acme"],
            "environment": ids["production"],
            "unknown": ids[""],
            "since": 0,
            "until": 2**40,
        }
        events = {"first": ids["task.created"], "second": ids["tool.called"], "third": ids["task.failed"]}
        versions = {"before": ids["2.3.0"], "after": ids["2.4.0"]}
        asked = {**_questions.QUESTIONS, "funnel": _questions.funnel()}
        asked |= {f"compared: {name}": _questions.compared(name) for name in _questions.COMPARED}
        took: dict[str, float] = {}
        for name, sql in asked.items():
            began = time.perf_counter()
            connection.execute(sql, {**given, **events, **versions}).fetchall()
            took[name] = time.perf_counter() - began
        return took


def _print_rates(what: str, by_the_clock: float, of_one_core: float) -> None:
    print(f"{what + ', a second':<36}{by_the_clock:>12,.0f}")
    print(f"{what + ', of one core':<36}{of_one_core:>12,.0f}")


def main() -> None:
    """Print every figure."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    bodies = [*Life(installations=max(5, wanted // EVENTS_OF_ONE), days=90, tasks_a_day=6).bodies()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.sqlite")
        with Proxy(path, "--rate", "1000000") as proxy:
            print(f"{'events':<36}{len(bodies):>12,}")
            _print_rates("batches of 200", *of_one_core(proxy, in_batches, bodies))
            size = sum(file.stat().st_size for file in path.parent.iterdir() if not file.name.endswith("-wal"))
            print(f"{'bytes an event':<36}{size / len(bodies):>12.0f}")
            for when in ("the page", "the page again"):
                for what, seconds in zip(("something", "all", "processor"), opened(proxy), strict=True):
                    print(f"{f'{when}: {what}':<36}{1000 * seconds:>9,.0f} ms")
        for name, seconds in answers(path).items():
            print(f"{name:<36}{1000 * seconds:>9,.0f} ms")
        single = requests_of(bodies[:SINGLE])
        for connections in CONNECTIONS:
            with Proxy(Path(folder, f"single-{connections}.sqlite"), "--rate", "1000000") as proxy:
                take = partial(one_by_one, connections=connections)
                _print_rates(f"one by one, {connections} at once", *of_one_core(proxy, take, single))
    print(f"cores: {os.cpu_count()}")


if __name__ == "__main__":
    main()
