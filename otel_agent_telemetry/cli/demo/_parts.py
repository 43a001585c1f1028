"""The processes of the demo: each is started, waited for, and ended by its own id."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

__all__ = [
    "OutsideError",
    "Proxy",
    "Service",
    "clean_environment",
    "collector",
    "ended",
    "examples",
    "first_line",
    "handed_out",
    "own_command",
    "scripted_model",
    "send_what_is_left",
    "threads_and_modules",
]

_PATIENCE_SECONDS = 60.0
_TICK_SECONDS = 0.05
_OWN = (sys.executable, "-m", "otel_agent_telemetry")
_SETTINGS = ("AGENT_TELEMETRY_", "OTEL_", "OPENAI_")
_NAMES = frozenset({"ANONYMIZED_TELEMETRY", "DO_NOT_TRACK", "TELEMETRY_ENABLED", "TELEMETRY_TAGS", "TRACEPARENT"})


class OutsideError(Exception):
    """A part of the demo did not do what it should."""


class Proxy:
    """The maintainers' event proxy: takes a POST, and keeps the body once however often it comes under its key."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        bodies = self._bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                bodies.setdefault(self.headers.get("Idempotency-Key") or f"none {len(bodies)}", body)
                self.send_response_only(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/events"

    def bodies(self) -> list[bytes]:
        """What has arrived so far."""
        return [*self._bodies.values()]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(_TICK_SECONDS,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Service:
    """The example service: an API process and a worker process, both started by ``agent-telemetry run``."""

    def __init__(self, folder: str, model: str, environment: Mapping[str, str]) -> None:
        self._folder = os.path.join(folder, f"service-{time.monotonic_ns()}")
        self._port = _free_port()
        self._environment = {
            **clean_environment(),
            **environment,
            "SERVICE_FOLDER": self._folder,
            # The same output whether or not another instrumentation of the model client is installed.
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai",
            "MODEL_API_KEY": "none-needed",
            "OPENAI_BASE_URL": model,
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        os.makedirs(self._folder)
        service = os.path.join(examples(), "service")
        worker = (
            "celery",
            "--app",
            "worker",
            "--workdir",
            service,
            "worker",
            "--concurrency",
            "2",
            "--loglevel",
            "warning",
        )
        api = ("uvicorn", "app:app", "--app-dir", service, "--port", str(self._port), "--log-level", "warning")
        try:
            self._stack.enter_context(self._run("worker", *worker))
            self._stack.enter_context(self._run("api", *api))
            _until(self._answers, "the example service did not come up", self._folder)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def ask(self, question: Mapping[str, object]) -> str:
        """Give it a task; the task's id."""
        return str(self._request("POST", "/tasks", question)["id"])

    def cancel(self, task: str) -> None:
        """Cancel a task."""
        self._request("POST", f"/tasks/{task}/cancel", {})

    def wait(self, task: str, states: frozenset[str]) -> str:
        """Wait until the task is in one of these states; which one it is."""
        found: list[str] = []

        def is_there() -> bool:
            state = str(self._request("GET", f"/tasks/{task}")["state"])
            found.append(state)
            return state in states

        _until(is_there, f"task {task} came in none of the states {', '.join(sorted(states))}", self._folder)
        return found[-1]

    @contextmanager
    def _run(self, name: str, *command: str) -> Generator[None]:
        with open(os.path.join(self._folder, f"{name}.log"), "wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*_OWN, "run", "--", *command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            with ended(process):
                yield

    def _answers(self) -> bool:
        try:
            self._request("GET", "/openapi.json")
        except OSError:
            return False
        return True

    def _request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def scripted_model(folder: str) -> Generator[str]:
    """The model server of the example, on a free port; its base URL."""
    process = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, os.path.join(examples(), "scripted_model.py"), "--port", "0"],
        env=clean_environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with ended(process):
        yield first_line(process.stdout, "the scripted model")


def handed_out(model: str) -> str:
    """What the scripted model says it gave out, in words."""
    host = model.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", "/handed_out")
        totals = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return (
        f"{totals['input_tokens']} input and {totals['output_tokens']} output tokens in {totals['requests']} requests"
    )


@contextmanager
def collector(store: str) -> Generator[str]:
    """``agent-telemetry serve`` on a free port, with that store; its URL."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*_OWN, "serve", "--port", "0", "--db", store],
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ended(process):
        line = first_line(process.stderr, "agent-telemetry serve")
        yield next(word for word in line.split() if word.startswith("http://"))


def own_command(*arguments: str) -> str:
    """What an ``agent-telemetry`` command prints."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*_OWN, *arguments], env=clean_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise OutsideError(f"agent-telemetry {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


_PROBE = """
import sys, threading, otel_agent_telemetry as telemetry
with telemetry.session(agent="planner"), telemetry.task("research"):
    telemetry.record_tokens("gpt-5", input=1, output=1)
loaded = [name for name in ("opentelemetry.sdk", "requests") if name in sys.modules]
print(threading.active_count() - 1, len(loaded))
"""


def threads_and_modules(environment: Mapping[str, str]) -> tuple[int, int]:
    """Threads that a program has besides its own, and modules of the pipeline that it imported, in that environment."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*_OWN, "run", "--", sys.executable, "-c", _PROBE],
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise OutsideError(f"the probe failed: {done.stderr.strip()}")
    threads, modules = done.stdout.split()
    return int(threads), int(modules)


def examples() -> str:
    """The examples: beside the package in a checkout, inside it when installed from a wheel."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    shipped = os.path.join(package, "examples")
    return shipped if os.path.isdir(shipped) else os.path.join(os.path.dirname(package), "examples")


def send_what_is_left(environment: Mapping[str, str]) -> None:
    """The end of a program waits for no network: what it told last goes out with the next one of its product."""
    code = "import otel_agent_telemetry as telemetry; telemetry.configure(); telemetry.flush(20)"
    environment = {**clean_environment(), **environment, "OTEL_EXPORTER_OTLP_ENDPOINT": ""}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OutsideError(f"what was left could not be sent: {done.stderr.strip()}")


def clean_environment() -> dict[str, str]:
    """The environment of this process without settings: the demo's own must hold.

    What the user chose for his own products is in his own state folder, and nothing of a demo leaves the machine.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS) and key not in _NAMES}
    return {**kept, "XDG_STATE_HOME": _state_home(), "AGENT_TELEMETRY_NOTICE": "0"}


@cache
def _state_home() -> str:
    folder = tempfile.mkdtemp(prefix="agent-telemetry-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _free_port() -> int:
    """A port below those that the kernel hands to clients, which could take it before the service does."""
    while True:
        port = random.randint(10_240, 32_000)  # noqa: S311 - any port will do
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def first_line(stream: Any, what: str) -> str:
    line = stream.readline().strip()
    if not line:
        raise OutsideError(f"{what} did not start")
    return line


def _until(done: Any, otherwise: str, folder: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise OutsideError(f"{otherwise} in {_PATIENCE_SECONDS:.0f} seconds\n{_logs(folder)}")
        time.sleep(_TICK_SECONDS)


def _logs(folder: str) -> str:
    texts: Sequence[str] = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    tails: list[str] = []
    for name in texts:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as log:
            tails.append(f"-- {name}\n{log.read()[-2000:]}")
    return "\n".join(tails)


@contextmanager
def ended(process: subprocess.Popen[Any]) -> Generator[None]:
    """End the process on leaving: SIGTERM, and SIGKILL only if it does not listen."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
