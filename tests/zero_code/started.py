"""Programs that are started with telemetry around them, and what became of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import allowed, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROGRAMS = Path(__file__).parent / "programs"
BIN = Path(sys.executable).parent
SERVICE = str(PROGRAMS / "service.py")
OURS = (sys.executable, "-m", "otel_agent_telemetry", "run", "--")
STOCK = (str(BIN / "opentelemetry-instrument"),)
AROUND = {"run": OURS, "opentelemetry-instrument": STOCK}
"""The two commands that start a program with telemetry."""
_STOPPED_SECONDS = 25  # gunicorn kills a worker that does not listen after thirty

_STOCK_SETTINGS = {"OTEL_PYTHON_DISTRO": "agent_telemetry", "OTEL_PYTHON_CONFIGURATOR": "agent_telemetry"}


def variables(folder: Path, **more: object) -> dict[str, str]:
    """The environment of a program whose events stay in that folder."""
    given = environment(**{**allowed(folder), **_STOCK_SETTINGS, **more})
    given["PYTHONPATH"] = os.pathsep.join((str(PROGRAMS), given["PYTHONPATH"]))
    given["PATH"] = os.pathsep.join((str(BIN), given["PATH"]))
    return given


def run(*command: str, given: Mapping[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    """A program that has ended."""
    return subprocess.run(command, env=given, input=text, capture_output=True, text=True, timeout=45, check=False)


def told(folder: Path, product: str = "acme-agents") -> list[Any]:
    """The events that were kept."""
    return [json.loads(body) for body in stored(folder, product)]


def gunicorn(folder: Path, port: int, workers: int) -> tuple[list[str], Callable[[], bool]]:
    """The command of a gunicorn with so many workers, and whether all of them are up.

    A worker that gets its SIGTERM between its fork and its own handlers has that swallowed by those of its parent, with
    telemetry and without, and its parent waits for it for half a minute.
    """
    settings = folder / "gunicorn.conf.py"
    settings.write_text(f"def post_worker_init(worker):\n    open(rf'{folder}/up.{{worker.pid}}', 'w').close()\n")
    command = [str(BIN / "gunicorn"), "-c", str(settings), "-w", str(workers), "-b", f"127.0.0.1:{port}", "web:wsgi"]
    return command, lambda: len([*folder.glob("up.*")]) == workers


def serve_and_stop(
    command: list[str],
    port: int,
    given: Mapping[str, str],
    *,
    requests: int = 1,
    is_up: Callable[[], bool] = lambda: True,
) -> int:
    """Starts a server, has so many requests answered, and stops it as a service manager does; its exit code.

    Where it, or a worker of it, does not stop, the AssertionError says in which line of which thread each one is.
    """
    with subprocess.Popen(
        command,
        env={**given, "PYTHONFAULTHANDLER": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            for _ in range(requests):
                until(lambda: answers(port))
            until(is_up)
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=_STOPPED_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGABRT)
            raise AssertionError(server.communicate()[1]) from None
        finally:
            server.kill()
    return server.returncode


def answers(port: int) -> bool:
    """Whether a request to that port is answered."""
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def until(holds: Callable[[], bool]) -> None:
    """Returns once it holds; an AssertionError after half a minute."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
