"""``agent-telemetry doctor claude``: why a coding agent's telemetry arrives, or does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.harnesses import HARNESSES, recognise
from otel_agent_telemetry.harnesses._plan import SIGNALS, plan, said
from otel_agent_telemetry.harnesses._switches import chosen, prepare
from otel_agent_telemetry.harnesses._where import Where

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EXAMINED", "examine", "tell"]

Finding = tuple[str, str, str]

_PROMPT = "Reply with the word ok, and do nothing else."
_PROBES = {
    "claude": ["claude", "-p", _PROMPT],
    "codex": ["codex", "exec", "--skip-git-repo-check", _PROMPT],
    "gemini": ["gemini", "-p", _PROMPT],
    "qwen": ["qwen", "-p", _PROMPT],
    "copilot": ["copilot", "-p", _PROMPT],
    "opencode": ["opencode", "run", _PROMPT],
}
EXAMINED = tuple(_PROBES)
"""The coding agents that can be examined."""
_NEVER = {"copilot": ("logs",), "opencode": ("metrics",)}
_PROBE_SECONDS = 120


def examine(name: str, *, probe: bool) -> Iterator[Finding]:
    """Findings, one at a time: settings, where each signal goes, and with ``probe`` which of them arrive."""
    environment, folder = dict(os.environ), os.getcwd()
    program = shutil.which(name)
    if program is None:
        yield "wrong", "installed", f"{name} is not on PATH: npm install --global {HARNESSES[name].packages[0]}"
    else:
        yield "ok", "installed", os.path.realpath(program)
    held = said(name, environment, folder)
    for key, value in sorted(held.items()):
        where = "" if value.where == key else f" ({value.where})"
        yield "note", "set", f"{key}={_shown(key, value.text)}{where}"
    unsent = "wrong" if any(_is_asked(name, key) for key in held) else "note"
    for signal, sent in plan(name, environment, folder).items():
        if sent.to:
            yield ("note" if sent.why else "ok"), signal, f"to {sent.to}" + (f", {sent.why}" if sent.why else "")
        else:
            yield ("ok" if signal in _NEVER.get(name, ()) else unsent), signal, f"not sent: {sent.why}"
    yield _below_run(name, environment, folder)
    if HARNESSES[name].tells:
        yield "note", "content", f"what it sends holds {HARNESSES[name].tells}"
    if probe and program is not None:
        yield from _probed(name, environment, folder)


def _is_asked(name: str, key: str) -> bool:
    """Whether a setting asks for this coding agent's telemetry; the common endpoint alone does not."""
    own = ("telemetry.", "otel.", "experimental.", "COPILOT_OTEL", *HARNESSES[name].switches)
    return key.startswith(own) and not key.startswith("OTEL_EXPORTER_OTLP_")


def _shown(key: str, text: str) -> str:
    """Headers are secrets."""
    return "(hidden)" if "HEADERS" in key.upper() else text


def _below_run(name: str, environment: dict[str, str], folder: str) -> Finding:
    found = recognise(_PROBES[name], environment)
    if found is None:
        return "wrong", "run", f"what is called {name} here is another program: `agent-telemetry run` leaves it alone"
    where = chosen(found, _PROBES[name], environment, folder)
    if where is not None:
        return "note", "run", f"`agent-telemetry run -- {name}` sets nothing, since you chose: {where}"
    return "ok", "run", f"`agent-telemetry run -- {name}` sets what is missing"


def _probed(name: str, environment: dict[str, str], folder: str) -> Iterator[Finding]:
    """Start it once as ``run`` does, with a door of ours as the destination: one short question to its model."""
    yield "note", "probe", f"asks its model one short question: {' '.join(_PROBES[name][:-1])} ..."
    with _Door() as door:
        base = f"http://127.0.0.1:{door.server_port}"
        where = Where(base, {signal: f"{base}/v1/{signal}" for signal in SIGNALS}, "http/protobuf")
        variables = {key: value for key, value in environment.items() if not key.startswith("OTEL_EXPORTER_OTLP_")}
        found = recognise(_PROBES[name], variables)
        if found is None:
            return
        ready = prepare(found, _PROBES[name], variables, where, folder)
        code = _run(ready.command, {**ready.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": base})
    yield ("ok" if code == 0 else "wrong"), "probe", "timed out" if code is None else f"exit code {code}"
    for signal in SIGNALS:
        count = door.requests.count(f"/v1/{signal}")
        if count:
            yield "ok", signal, "arrived"
        elif signal in _NEVER.get(name, ()):
            yield "ok", signal, "did not arrive: it has none"
        else:
            held = chosen(found, _PROBES[name], environment, folder)
            yield "wrong", signal, "did not arrive" + (f": {held} decides where it goes" if held else "")


def _run(command: list[str], environment: dict[str, str]) -> int | None:
    """Its exit code; None if it took too long."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet) as process:  # noqa: S603 - the program that the user names
        try:
            return process.wait(_PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            return None


class _Door(ThreadingHTTPServer):
    """Takes OTLP on loopback and remembers what came, not what was in it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Knock)
        self.requests: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a program that leaves in the middle of a request is no news."""

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()


class _Knock(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Door  # pyright: ignore[reportIncompatibleVariableOverride] - it is made by that one alone

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Nothing: the findings say it."""

    def do_POST(self) -> None:
        """One request."""
        self.server.requests.append(self.path)
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
                self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


def tell(name: str, *, probe: bool) -> bool:
    """Print the findings as they come; whether none is wrong."""
    well = True
    for state, what, words in examine(name, probe=probe):
        click.echo(f"{state:<6} {what:<13} {words}")
        well = well and state != "wrong"
    return well
