"""``serve``: receive telemetry on this machine and show it."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry._local_serve import local_token
from otel_agent_telemetry.cli._opened import BUDGETS, DURATION, SIZE, db_option, failures, open_store
from otel_agent_telemetry.cli._outbox import Ledgers
from otel_agent_telemetry.consent import default_state_dir
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import Budget, Keeper, Limits, Server, Store, default_store, is_loopback

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["serve"]

_SHORTEST_TOKEN = 16
_IDLE_SECONDS = 3_600.0
_VARIABLE = "AGENT_TELEMETRY_SERVE_TOKEN"
_HINT = (
    "this system does not tell whose a connection is, so a token does: `agent-telemetry run` has it, the page is at\n"
    "{url}/#token={token}\nand other programs need OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20{token}"
)


@click.command(short_help="Receive traces, metrics, logs and events, and show them.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Any other address needs a token.")
@click.option("--port", default=4318, show_default=True, type=click.IntRange(0, 65535), help="0 for any free port.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Require the token in this file (16 characters or more), or in AGENT_TELEMETRY_SERVE_TOKEN.",
)
@click.option("--token", hidden=True, help="Moved out of the command line at once; others can read that.")
@click.option("--retention", default="7d", show_default=True, callback=DURATION, help="Delete what is older.")
@click.option("--max-size", default="1GB", show_default=True, callback=SIZE, help="Delete the oldest beyond this size.")
@click.option(
    "--budget", multiple=True, callback=BUDGETS, help="Warn on the page once more is spent: 5USD/day, /hour, /month."
)
@db_option
def serve(
    *,
    host: str,
    port: int,
    token_file: Path | None,
    token: str | None,
    retention: int,
    max_size: int,
    budget: list[Budget],
    db: Path | None,
) -> None:
    """Receive OTLP/HTTP (protobuf or JSON) and anonymous events, keep them in a local file, and show them.

    Point programs at it with OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 and open that address in a browser.
    Ctrl-C ends it; what it has acknowledged is kept.
    """
    with failures():
        if token is not None:
            _begin_again_without(_checked(token))
        token = _token(token_file) or _local_token(host)
        _require_token(host, token)
    path = db or default_store()
    with failures(), closing(open_store(path)) as store:
        server = _bound(store, host, port, token, budget)
        keeper = Keeper(store, Limits(age_ns=retention, size_bytes=max_size))
        keeper.start()
        try:
            with _until_signal():
                click.echo(f"agent-telemetry serve: {server.url} (db {path})", err=True)
                if token is not None and token == _local_token(host):
                    click.echo(_HINT.format(url=server.url, token=token), err=True)
                server.serve_forever(poll_interval=_IDLE_SECONDS)
        finally:
            server.end_streams()
            server.server_close()
            keeper.end()


def _begin_again_without(token: str) -> None:
    """Become the same command with the token in its environment: every account can read a command line."""
    words, rest = sys.argv[1:], list[str]()
    while words:
        word = words.pop(0)
        if word == "--token":
            del words[:1]
        elif not word.startswith("--token="):
            rest.append(word)
    environment = {**os.environ, _VARIABLE: token}
    os.execve(sys.executable, [sys.executable, "-m", "otel_agent_telemetry", *rest], environment)  # noqa: S606 - this very command


def _token(file: Path | None) -> str | None:
    token = os.environ.get(_VARIABLE) if file is None else file.read_text(encoding="utf-8").strip()
    return None if token is None else _checked(token)


def _local_token(host: str) -> str | None:
    try:
        return local_token(default_state_dir(os.environ), make=True) if is_loopback(host) else None
    except OSError as error:
        msg = f"{error}; or give a token with --token-file"
        raise InputError(msg) from error


def _checked(token: str) -> str:
    if len(token) < _SHORTEST_TOKEN:
        msg = (
            f"--token has {len(token)} characters, expected {_SHORTEST_TOKEN} or more; try {secrets.token_urlsafe(18)}"
        )
        raise InputError(msg)
    return token


def _require_token(host: str, token: str | None) -> None:
    if token is None and not is_loopback(host):
        msg = (
            f"--host {host} can be reached from other machines, so a token is needed; try "
            f"`{_VARIABLE}={secrets.token_urlsafe(18)} agent-telemetry serve --host {host}`"
        )
        raise InputError(msg)


def _bound(store: Store, host: str, port: int, token: str | None, budgets: list[Budget]) -> Server:
    try:
        return Server(store, host=host, port=port, token=token, outbox=Ledgers(_state_dir()), budgets=budgets)
    except OSError as error:
        msg = f"cannot listen on {host}:{port}: {error.strerror}; try `agent-telemetry serve --port 0`"
        raise InputError(msg) from error


def _state_dir() -> str:
    return os.environ.get("AGENT_TELEMETRY_STATE_DIR") or default_state_dir(os.environ)


class _SignalError(BaseException):
    """Ends the block that waits, wherever it is: no loop has to look whether it is to end."""


@contextmanager
def _until_signal() -> Generator[None]:
    """Leave the block on SIGINT or SIGTERM; further ones are for nobody, as the end is under way."""

    def end(_number: int, _frame: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise _SignalError

    with suppress(_SignalError):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        yield
