"""``proxy``: receive the anonymous events of a product's installations, and show the report."""

from __future__ import annotations

import os
from pathlib import Path

import click

from otel_agent_telemetry._sockets import is_loopback
from otel_agent_telemetry.cli._book import book_option
from otel_agent_telemetry.cli._declare import declare_option, import_all
from otel_agent_telemetry.errors import InputError

__all__ = ["proxy"]

_SHORTEST_TOKEN = 16
_VARIABLE = "AGENT_TELEMETRY_PROXY_TOKEN"


@click.command(short_help="For maintainers: receive anonymous events.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Put a reverse proxy with TLS in front of it.")
@click.option("--port", default=8088, show_default=True, type=click.IntRange(0, 65535), help="0 for any free port.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Show the report only to those who send the token in this file (16 characters or more), or in {_VARIABLE}.",
)
@declare_option
@click.option(
    "--stop", "stopped", multiple=True, metavar="VERSION", help="Answer 410 to events of this version, such as 1.2.*."
)
@click.option(
    "--rate",
    default=2000.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Most events per second from one connection.",
)
@click.option(
    "--min-installations",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Fewest installations in a row of the report.",
)
@book_option
def proxy(
    *,
    host: str,
    port: int,
    token_file: Path | None,
    modules: tuple[str, ...],
    stopped: tuple[str, ...],
    rate: float,
    min_installations: int,
    db: Path,
) -> None:
    """Receive anonymous events in both dialects, check each field against the contract, and keep each event once.

    Products send to http://HOST:PORT/v1/events (dialect proxy) or /events/v1/track (dialect docker); the report is at
    http://HOST:PORT/. It keeps no address and no user agent, and only the hour of the arrival. Ctrl-C ends it.
    """
    token = _token(token_file)
    import_all(modules)
    try:
        from otel_agent_telemetry.maintainers.receive import _serve
    except ModuleNotFoundError as error:
        msg = f"the proxy needs {error.name}; get it with: pip install 'otel-agent-telemetry[proxy]'"
        raise InputError(msg) from error
    if token is None and not is_loopback(host):
        click.echo(f"the report is for this machine alone; {_VARIABLE} or --token-file shows it to others", err=True)
    _serve.serve(
        db,
        host=host,
        port=port,
        began=lambda url: click.echo(f"agent-telemetry proxy: {url} (db {db})", err=True),
        rate=rate,
        stopped=stopped,
        token=token,
        least=min_installations,
    )


def _token(file: Path | None) -> str | None:
    token = os.environ.get(_VARIABLE) if file is None else file.read_text(encoding="utf-8").strip()
    if token is not None and len(token) < _SHORTEST_TOKEN:
        msg = f"the token has {len(token)} characters, expected {_SHORTEST_TOKEN} or more"
        raise InputError(msg)
    return token
