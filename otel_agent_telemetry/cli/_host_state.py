"""``agent-telemetry doctor --host-state -- CMD``: what telemetry changes in the program that it is in."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Any

import click

from otel_agent_telemetry.cli._auditing import redirected
from otel_agent_telemetry.cli._run import command_line, instrumented
from otel_agent_telemetry.cli._table import Column, print_table
from otel_agent_telemetry.proof import EVENTS, TRACES, Sink, compare, execute, probed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_agent_telemetry.proof import Compared, Ended

__all__ = ["host_state"]

CHANGED, COMMAND_FAILED = 1, 4
_MOST_SHOWN = 3


def host_state(command: Sequence[str], *, seconds: float | None, as_json: bool) -> int:
    """Run the command without and with telemetry, print what differs; the exit code.

    Where something differs that is not declared, it is run once more without telemetry, to tell what varies by itself.
    """
    arguments = command_line(command)
    folder = tempfile.mkdtemp(prefix="agent-telemetry-host-state-")
    try:
        runs = _Runs(folder, arguments, seconds)
        without, given = runs.run("without", telemetry=False), runs.run("with", telemetry=True)
        compared = compare(without, given, None)
        if any(each.verdict == "changed" for each in compared):
            compared = compare(without, given, runs.run("again", telemetry=False))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    changed = any(each.verdict == "changed" for each in compared)
    if as_json:
        click.echo(json.dumps({"changed": changed, "compared": [asdict(each) for each in compared]}, indent=2))
    else:
        _tell(compared, changed=changed)
    return CHANGED if changed else 0


class _Runs:
    """Runs of one command, in an environment that is the same but for telemetry."""

    def __init__(self, folder: str, arguments: list[str], seconds: float | None) -> None:
        self._folder = folder
        self._arguments = arguments
        self._seconds = seconds

    def run(self, name: str, *, telemetry: bool) -> dict[str, Any]:
        """One run; what is compared of it."""
        folder = os.path.join(self._folder, name)
        state = os.path.join(self._folder, "state")
        os.mkdir(folder)
        with Sink(EVENTS) as events, Sink(TRACES) as traces:
            environ = redirected(os.environ, state_dir=state, events=events.port, traces=traces.port)
            hook = instrumented(environ) if telemetry else {}
            environ = probed({**environ, **hook}, "state", folder)
            ended, texts = self._execute(environ, folder)
            places = {f"127.0.0.1:{sink.port}": "<sink>" for sink in (events, traces)}
        found = _read(folder, ended)
        found["files"] = _written(folder)
        found["exit code"] = str(ended.code)
        found.update(texts)
        places |= {state: "<state>", folder: "<probe>"}
        text = json.dumps(found)
        for place, called in places.items():
            text = text.replace(place, called)
        return json.loads(text)

    def _execute(self, environ: dict[str, str], folder: str) -> tuple[Ended, dict[str, str]]:
        paths = {what: os.path.join(folder, what) for what in ("standard output", "standard error")}
        with open(paths["standard output"], "wb") as out, open(paths["standard error"], "wb") as err:
            ended = execute(self._arguments, environ, seconds=self._seconds, stdin=DEVNULL, stdout=out, stderr=err)
        return ended, {what: _text(path) for what, path in paths.items()}


def _read(folder: str, ended: Ended) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, "state.json"), encoding="utf-8", errors="surrogatepass") as file:
            return json.load(file)
    except FileNotFoundError:
        msg = (
            f"the command left no state (exit code {ended.code}): it has to be a Python program that ends by itself,"
            " or by Ctrl-C after --seconds; one that ends by os._exit or by a signal cannot be looked at."
        )
        click.echo(f"agent-telemetry: {msg}\n{_text(os.path.join(folder, 'standard error'))[-2000:]}", err=True)
        click.get_current_context().exit(COMMAND_FAILED)


def _written(folder: str) -> list[str]:
    try:
        with open(os.path.join(folder, "written.jsonl"), encoding="utf-8") as file:
            paths = {_lasting(json.loads(line)["path"]) for line in file}
    except FileNotFoundError:
        return []
    return sorted(path for path in paths if not path.startswith((folder, os.devnull)))


def _lasting(path: str) -> str:
    """The path without what is made up for each run: a temporary name, a number behind a compiled module."""
    folder, name = os.path.split(re.sub(r"\.pyc\.\d+$", ".pyc", path))
    is_trial = folder == tempfile.gettempdir() and re.fullmatch(r"[a-z0-9_]{8}", name)  # Python looks for a folder
    return "<temporary>" if is_trial else os.path.join(folder, name)


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="backslashreplace") as file:
        return file.read()


def _tell(compared: Sequence[Compared], *, changed: bool) -> None:
    rows = [[each.what, each.verdict, _words(each)] for each in compared]
    print_table([Column("WHAT"), Column("VERDICT"), Column("WITH TELEMETRY", stretch=True)], rows)
    for each in compared:
        if each.verdict in {"changed", "varies"} and each.changed:
            click.echo(f"\n{each.what}:")
            for line in each.changed:
                click.echo(f"  {line}")
    click.echo()
    if any(each.verdict == "varies" for each in compared):
        click.echo("varies: two runs without telemetry differ there too, so that nothing can be said of it")
    click.echo("changed: something that is not declared" if changed else "changed: nothing but what is declared")


def _words(each: Compared) -> str:
    shown = each.changed or each.declared
    if len(shown) > _MOST_SHOWN:
        return f"{len(shown)}: {', '.join(shown[:_MOST_SHOWN])}, …"
    return ", ".join(shown)
