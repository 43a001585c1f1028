"""``agent-telemetry demo --maintainers``: from what ten installations send to what it says about a release."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli.demo._parts import (
    OutsideError,
    clean_environment,
    ended,
    examples,
    first_line,
    own_command,
)
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.maintainers import Asked, report

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["maintainers_demo"]

_INSTALLATIONS, _DAYS, _AT_ONCE = 10, 42, 2


def maintainers_demo() -> None:
    """Start a proxy, let ten installations live, print the report and what it shows. Raises InputError."""
    if importlib.util.find_spec("aiohttp") is None:
        msg = "the proxy needs aiohttp: pip install aiohttp"
        raise InputError(msg)
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="agent-telemetry-"))
            book = os.path.join(folder, "book.sqlite")
            with _proxy(book) as url:
                _say(
                    "1. agent-telemetry proxy", f"takes anonymous events at {url}/v1/events, and keeps them in one file"
                )
                _say(
                    f"2. {_INSTALLATIONS} installations of a support agent, {_DAYS} simulated days",
                    "each begins with 1.4.0 and updates to 1.5.0 on a day of its own\n"
                    "(examples/maintainers/installation.py)",
                )
                _live(folder, url)
            _say("3. agent-telemetry report --days 0", "")
            click.echo(own_command("report", "--db", book, "--days", "0"))
            _say("4. did 1.5.0 get worse?", _verdict(book))
    except OutsideError as error:
        raise InputError(str(error)) from error
    click.echo("\nDone. Next: docs/how-to/maintainers.md.")


@contextmanager
def _proxy(book: str) -> Generator[str]:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "otel_agent_telemetry", "proxy", "--port", "0", "--db", book],
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ended(process):
        line = first_line(process.stderr, "agent-telemetry proxy")
        yield next(word for word in line.split() if word.startswith("http://"))
        process.send_signal(signal.SIGTERM)
        if process.wait(30) != 0:
            raise OutsideError(f"agent-telemetry proxy ended with code {process.returncode}")


def _live(folder: str, url: str) -> None:
    program = os.path.join(examples(), "maintainers", "installation.py")
    waiting = [
        [sys.executable, program, f"{url}/v1/events", os.path.join(folder, str(seed)), str(seed), str(_DAYS)]
        for seed in range(_INSTALLATIONS)
    ]
    running: list[subprocess.Popen[str]] = []
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            running.append(
                subprocess.Popen(  # noqa: S603 - our own script
                    waiting.pop(0),
                    env=clean_environment(),
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        first = running.pop(0)
        _, said = first.communicate(timeout=120)
        if first.returncode != 0:
            raise OutsideError(f"an installation failed: {said.strip()}")


def _verdict(book: str) -> str:
    """In words, from the report's own figures; the demo fails where the report misses the defect."""
    found = report(book, Asked(days=0, versions=("1.4.0", "1.5.0")))
    compared = {row[0]: row for row in found.answers["compared"].rows}
    row = compared.get("tool failure rate")
    if row is None or row[6] != "more":
        raise OutsideError("the report does not show that the tools of 1.5.0 fail more often")
    rates = {row[:2]: row[4] for row in found.answers["tools_by_version"].rows}
    worst = max({name for name, _ in rates}, key=lambda name: rates[name, "1.5.0"] - rates[name, "1.4.0"])
    before, after, low, high = (f"{100 * row[at]:.1f}" for at in (1, 2, 4, 5))
    return (
        f"yes: tool calls fail in {before} % with 1.4.0 and in {after} % with 1.5.0;\n"
        f"the difference is between {low} and {high} points (95 % interval, {row[7]} installations)\n"
        f"the tool that got worse is {worst}: {100 * rates[worst, '1.4.0']:.1f} % failed, "
        f"now {100 * rates[worst, '1.5.0']:.1f} %"
    )


def _say(title: str, words: str) -> None:
    click.echo(f"\n== {title}")
    for line in words.splitlines():
        click.echo(f"   {line}")
