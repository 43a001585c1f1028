"""A coding agent below ``run``: its parent passes signals on, keeps its exit code, and tells how it ended."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click

from otel_agent_telemetry import _runtime
from otel_agent_telemetry._local_serve import local_headers
from otel_agent_telemetry.cli._becomes import IGNORED_BY_PYTHON, become
from otel_agent_telemetry.cli._traces_go import traces_go
from otel_agent_telemetry.consent import default_state_dir
from otel_agent_telemetry.harnesses import Harness
from otel_agent_telemetry.harnesses._sync import Pump
from otel_agent_telemetry.harnesses._watched import PATIENCE_SECONDS, STOP_SECONDS
from otel_agent_telemetry.harnesses._where import where_to
from otel_agent_telemetry.lifecycle import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_agent_telemetry.harnesses import Found

__all__ = ["supervise"]

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PASSED_ON = (*_STOPS, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
_TAKEN = frozenset({*_PASSED_ON, signal.SIGCHLD})
_FROM_A_PROCESS = frozenset({0, -1, -6})  # SI_USER, SI_QUEUE, SI_TKILL (sigaction(2))
_FLUSH_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_CANNOT = 126
"""What a shell says of a program that is there and cannot be started (POSIX shell, 2.8.2)."""


def supervise(found: Found, arguments: list[str]) -> NoReturn:
    """Run it to its end, and leave as it left: with its exit code, or by the signal that ended it.

    Where telemetry is off and nothing takes traces, this process becomes the command.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)  # before any thread: a signal then waits for us
    before = dict(os.environ)
    where = where_to(before)
    if where is not None and where.base and not before.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        headers = local_headers(default_state_dir(before), before.get("OTEL_EXPORTER_OTLP_HEADERS"))
        before.update(headers)
        os.environ.update(headers)
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = where.base
        os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = where.otlp
    _runtime.configure()
    if not _runtime.active():
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        become(arguments, before)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored nobody is told of a child's end
    harness = Harness(DEFAULT, arguments, task=found.known.name, read=not os.isatty(1), env=before).begin()
    if where is not None and sys.stderr.isatty():
        click.echo(f"agent-telemetry: traces go {traces_go()}", err=True)
    nowhere = f"{found.known.name} has nowhere to report to: start `agent-telemetry serve`, or set an OTLP endpoint"
    for remark in harness.remarks or ([nowhere] if where is None else []):
        click.echo(f"agent-telemetry: {remark}", err=True)
    try:
        returncode = _Child(harness, mask).wait()
    except OSError as error:
        click.echo(f"agent-telemetry: {arguments[0]} cannot be started: {error.strerror}", err=True)
        returncode = _CANNOT
    harness.end(returncode)
    _runtime.shutdown(_FLUSH_SECONDS)
    _leave(returncode, mask)


class _Child:
    """The coding agent's process: in our group where that is a terminal's, else in one of its own."""

    def __init__(self, harness: Harness, mask: Iterable[int]) -> None:
        self._harness = harness
        self._shares_group = _has_terminal()
        self._below: set[int] = set()
        self._copying: threading.Thread | None = None
        ours, theirs = os.pipe() if harness.reads else (None, None)
        group: dict[str, Any] = {} if self._shares_group else {"setpgroup": 0}
        actions = [] if theirs is None else [(os.POSIX_SPAWN_DUP2, theirs, 1)]
        self._pid = os.posix_spawn(
            harness.command[0],
            harness.command,
            harness.environment,
            file_actions=actions,
            setsigmask=mask,
            setsigdef=IGNORED_BY_PYTHON,
            **group,
        )
        if ours is not None and theirs is not None:
            os.close(theirs)
            pump = Pump(os.fdopen(ours, "rb", buffering=0), 1, harness.feed)
            self._copying = threading.Thread(target=pump.run, daemon=True)
            self._copying.start()

    def wait(self) -> int:
        """Pass on signals until it has ended; its code, negative for a signal."""
        status: int | None = None
        while status is None:
            number, by_kernel = self._next_signal()
            if number == signal.SIGCHLD:
                pid, ended = os.waitpid(self._pid, os.WNOHANG)
                status = ended if pid else None
            elif signal.getsignal(number) is not signal.SIG_IGN:  # under nohup, say: it is ignored below, too
                self._pass_on(number, by_kernel=by_kernel)
        if self._below:
            self._end_rest()
        if self._copying is not None:
            self._copying.join(PATIENCE_SECONDS)
        return os.waitstatus_to_exitcode(status)

    def _next_signal(self) -> tuple[signal.Signals, bool]:
        """The next signal, and whether the terminal sent it, to all of its group."""
        if sys.platform == "darwin":  # which has no sigwaitinfo
            number = signal.Signals(signal.sigwait(_TAKEN))
            return number, self._shares_group and number in {signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH}
        found = signal.sigwaitinfo(_TAKEN)
        return signal.Signals(found.si_signo), found.si_code not in _FROM_A_PROCESS

    def _pass_on(self, number: signal.Signals, *, by_kernel: bool) -> None:
        if number in _STOPS:
            self._harness.stopped(number.name)
            if self._harness.known is not None and self._harness.known.outlives:
                self._below |= {*_below(self._pid)}
        if not self._shares_group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, number)
        elif not by_kernel:
            _send([self._pid, *_below(self._pid)], number)

    def _end_rest(self) -> None:
        """What its loader left behind when it was stopped."""
        until = time.monotonic() + STOP_SECONDS
        _send(self._below, signal.SIGTERM)
        while (left := [pid for pid in self._below if _is_alive(pid)]) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        _send(left, signal.SIGKILL)


def _has_terminal() -> bool:
    """Whether it is a job of a terminal: in front, or in the background, from where a shell may bring it there."""
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(descriptor) >= 0
    return False


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they started (Linux; elsewhere none)."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for entry in filter(str.isdigit, os.listdir("/proc")):
            parent = _parent(int(entry))
            if parent is not None:
                children.setdefault(parent, []).append(int(entry))
    found = [*children.get(pid, ())]
    for each in found:  # grows while it is walked
        found += children.get(each, ())
    return found


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state == b"Z" else int(parent)


def _is_alive(pid: int) -> bool:
    return _parent(pid) is not None


def _send(processes: Iterable[int], number: int) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _leave(returncode: int, mask: Iterable[int]) -> NoReturn:
    if returncode < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # it left its own
        signal.signal(-returncode, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.kill(os.getpid(), -returncode)
        returncode = 128 - returncode  # where whoever started us has that signal blocked
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    sys.exit(returncode)
