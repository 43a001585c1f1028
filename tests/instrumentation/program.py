"""A program under ``agent-telemetry run``, the operator's spans and the maintainers' events that come of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.parts import absent
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

PROGRAMS = Path(__file__).parent / "programs"
EXAMPLES = Path(__file__).parents[2] / "examples"
_KINDS = ("", "internal", "server", "client", "producer", "consumer")
RUN = ("-m", "otel_agent_telemetry", "run", "--")
OURS = "otel_agent_telemetry"
PRODUCT = "acme-agents"
PYTHON = os.environ.get("FRAMEWORK_PYTHON", sys.executable)
"""The interpreter that programs run with: this one's, or that of an environment which holds one framework alone."""


@dataclass(frozen=True)
class Span:
    """One span as the operator's collector received it."""

    id: str
    parent_id: str
    trace_id: str
    name: str
    kind: str
    scope: str
    start: int
    end: int
    is_error: bool
    attributes: dict[str, Any]

    @property
    def outcome(self) -> str:
        """``ok``, or how else it ended."""
        return self.attributes.get("agent.outcome", "error" if self.is_error else "ok")


def needs(*distributions: str) -> None:
    """Ends the tests of a module whose framework is not installed."""
    for name in distributions:
        try:
            version(name)
        except PackageNotFoundError:
            absent(name, f"pip install {name}")


def takes_connections(port: int) -> bool:
    """Whether something listens on that port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def answers(port: int, path: str = "/") -> bool:
    """Whether an HTTP server answers on that port: one that only listens may not be in its loop yet."""
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


class Program:
    """Context manager around one program and the operator's collector.

    ``variables`` are added to an environment that has no other settings. ``python`` is an interpreter whose environment
    has our distributions, ``PYTHON`` unless it is given. Leaving it stops the program.
    """

    def __init__(
        self,
        *command: str,
        variables: Mapping[str, str] | None = None,
        home: Path,
        python: str = PYTHON,
        programs: Path = PROGRAMS,
    ) -> None:
        self._command = command
        self.python = python
        self._programs = programs
        self._variables = variables or {}
        self._home = home
        self.receiver = Recorder()
        self.output = home / f"output-{time.monotonic_ns()}.txt"
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.receiver.__enter__()
        if self._command:
            self.start(*self._command)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            if child.poll() is None:
                self.stop(child)
        self.receiver.__exit__(kind, error, traceback)
        if error is not None:
            sys.stderr.write(self.printed())

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command that reports here; what it prints goes to ``output``."""
        return self._start(*RUN, *command)

    def plainly(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command of the interpreter that knows nothing of telemetry, in the same environment."""
        return self._start(*command)

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as output:
            child = subprocess.Popen(
                [self.python, *command],
                env=self.environment(),
                cwd=self._home,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that a test can signal the program and its children as a terminal does
            )
        self._children.append(child)
        return child

    def run(self, *command: str, timeout: float = 30) -> int:
        """Run a command to its end; its exit code."""
        return self.start(*command).wait(timeout)

    def stop(self, child: subprocess.Popen[bytes] | None = None, *, timeout: float = 15) -> int:
        """Ask the program to stop as a service manager does; its exit code."""
        child = child or self._children[0]
        child.send_signal(signal.SIGTERM)
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            raise

    def wait_until_handled(self, child: subprocess.Popen[bytes], number: int) -> None:
        """Return once it has a handler for that signal; at once where the system does not tell (all but Linux)."""
        status = Path(f"/proc/{child.pid}/status")

        def is_handled(_: Program) -> bool:
            handled = status.read_text("utf-8").partition("SigCgt:")[2].split()[0]
            return bool(int(handled, 16) >> (number - 1) & 1)

        if status.exists():
            self.wait(is_handled)

    def printed(self) -> str:
        """What the program has printed so far, on both streams."""
        return self.output.read_text("utf-8", "replace")

    def environment(self) -> dict[str, str]:
        """The program's whole environment."""
        return {
            **_plain_environment(self._home, self._programs),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{self.receiver.url}/otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "AGENT_TELEMETRY_PRODUCT": PRODUCT,
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai",  # another one may be installed; a test asks for it
            **self._variables,
        }

    @property
    def spans(self) -> list[Span]:
        """What the operator's collector has received, in the order in which the spans began."""
        bodies = (each.body for each in self.receiver.requests if each.path == "/otlp/v1/traces")
        return sorted((span for body in bodies for span in _spans(body)), key=lambda span: span.start)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the maintainers are told: the bodies in the ledger, oldest first."""
        command = [sys.executable, "-m", "otel_agent_telemetry", "events", "--json", "--product", PRODUCT]
        environment = _plain_environment(self._home)
        done = subprocess.run(command, env=environment, timeout=30, check=True, stdout=subprocess.PIPE)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def counted(self, *but: str) -> dict[str, int]:
        """How many events there are of each name; those that begin with ``but`` are left out."""
        return dict(Counter(event["event"] for event in self.events if not event["event"].startswith(but or ("-",))))

    def priorities(self) -> dict[int | None, int]:
        """How many tasks were created with each priority; None where nothing is said."""
        created = [event for event in self.events if event["event"] == "task.created"]
        return dict(Counter(event["properties"].get("priority") for event in created))

    def wait(self, what: Callable[[Program], object], *, timeout: float = 20) -> None:
        """Return once ``what(self)`` is true; an AssertionError that shows the output otherwise."""
        deadline = time.monotonic() + timeout
        while not what(self):
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.02)


def run_plainly(
    module: str,
    *arguments: str,
    home: Path,
    variables: Mapping[str, str] | None = None,
    python: str = PYTHON,
    timeout: float = 30,
) -> str:
    """What a module prints, on both streams, where it runs without telemetry."""
    command = [python, "-m", module, *arguments]
    environment = {**_plain_environment(home), **(variables or {})}
    done = subprocess.run(
        command,
        env=environment,
        cwd=home,
        timeout=timeout,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.decode("utf-8", "replace")


def _plain_environment(home: Path, programs: Path = PROGRAMS) -> dict[str, str]:
    kept = ("PATH", "PYTHONPYCACHEPREFIX", "COVERAGE")
    here = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    return {**here, "HOME": str(home), "PYTHONPATH": str(programs)}


def tree(spans: Iterable[Span], below: str = "") -> str:
    """Our spans as an indented list with outcomes, from the roots whose names start with ``below``.

    Spans of others are left out; what hangs below them moves up.
    """
    every = {span.id: span for span in spans}
    ours = [span for span in every.values() if span.scope == OURS]

    def parent(span: Span) -> str:
        above = every.get(span.parent_id)
        while above is not None and above.scope != OURS:
            above = every.get(above.parent_id)
        return "" if above is None else above.id

    def lines(above: str, depth: int) -> list[str]:
        found: list[str] = []
        for span in (span for span in ours if parent(span) == above):
            if depth or span.name.startswith(below):
                found += ["  " * depth + f"{span.name} {span.outcome}", *lines(span.id, depth + 1)]
        return found

    return "\n".join(lines("", 0))


def _spans(body: bytes) -> Iterable[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    trace_id=span.trace_id.hex(),
                    name=span.name,
                    kind=_KINDS[span.kind],
                    scope=scope.scope.name,
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    is_error=span.status.code == 2,
                    attributes={each.key: _value(each.value) for each in span.attributes},
                )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
