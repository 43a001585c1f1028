"""One process that has imported everything, and forks a fresh one for each run: hundreds of runs in a minute.

Each run is a process of its own that begins at its first line and ends as any other, exit handlers and all.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from tests.lifecycle.programs import allowed, environment

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_LOOP = """
import logging, os, random, sys, time, threading
import opentelemetry.sdk.metrics, opentelemetry.sdk.trace, requests, sqlite3
import opentelemetry.exporter.otlp.proto.http.metric_exporter, opentelemetry.exporter.otlp.proto.http.trace_exporter
import otel_agent_telemetry as telemetry
import otel_agent_telemetry.pipeline.assemble, otel_agent_telemetry._http, otel_agent_telemetry.pipeline.notice
import otel_agent_telemetry.pipeline.outlet, otel_agent_telemetry.pipeline.sending._sender  # with the first event
import otel_agent_telemetry.pipeline.sending.uploader, otel_agent_telemetry.pipeline.exporter
import otel_agent_telemetry.meaning._meaning
from otel_agent_telemetry.pipeline.writing.registries import public_models

public_models()  # the list of models, which takes as long to read as all the rest to import
logging.disable()
for line in iter(sys.stdin.readline, ""):
    number, *arguments = line.split()
    number = int(number)
    child = os.fork()
    if not child:
        break
    os.write(1, f"started {child}\\n".encode())
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    os.write(1, f"ended {time.monotonic()} {seconds} {os.waitstatus_to_exitcode(status)}\\n".encode())
else:
    sys.exit()

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""


class Ended(NamedTuple):
    """What a run said, when it was gone (a monotonic clock's seconds), its processor time, and its exit code."""

    said: list[str]
    at: float
    used: float
    code: int


class Zygote:
    """Runs a program many times; in it ``number`` counts the runs and ``arguments`` are words."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, number: int, *arguments: object) -> int:
        """Begins a run; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, (number, *arguments))) + "\n")
        self._process.stdin.flush()
        return int(self.line().removeprefix("started "))

    def line(self) -> str:
        """The next line that a run, or its end, says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def end(self) -> Ended:
        """How the run ended."""
        said: list[str] = []
        while not (line := self.line()).startswith("ended "):
            assert line or self._process.poll() is None
            said.append(line)
        _, at, used, code = line.split()
        return Ended(said, float(at), float(used), int(code))


@contextlib.contextmanager
def zygote(program: str, state_dir: Path, **variables: object) -> Generator[Zygote]:
    """The process that runs of this program are forked from."""
    command = [sys.executable, "-W", "ignore", "-c", _LOOP + dedent(program)]
    pipe = subprocess.PIPE
    given = environment(**allowed(state_dir, **variables))
    with subprocess.Popen(command, env=given, stdin=pipe, stdout=pipe, text=True) as process:
        yield Zygote(process)
        assert process.stdin is not None
        process.stdin.close()
