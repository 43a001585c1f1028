"""The first-run notice: what is collected, how to see it and how to switch it off.

The run in which it is given keeps and sends nothing, in all its processes, however often it is configured.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from otel_agent_telemetry._folder import make_private, read_plain, require_own
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.consent import Decision
from otel_agent_telemetry.pipeline import _running

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["announced", "give_notice"]


_TEXT = """\
{product} collects anonymous usage events: which lifecycle events happen, how long they take, which public models are
used. Never prompts, answers, names, paths or messages. They go to {endpoint}.
  see them:       agent-telemetry events            (and before they leave: agent-telemetry events --next)
  switch it off:  agent-telemetry off               or ANONYMIZED_TELEMETRY=false, or DO_NOT_TRACK=1
This run keeps and sends nothing.
"""


def give_notice(product: str, endpoint: str, state_dir: str, stream: TextIO | None = None) -> Decision | None:
    """Give the notice once per user and product; the decision for this run, which sends nothing, when it was given.

    Where nobody watches (standard error is no terminal) it is one INFO log record per start and events flow.
    """
    marker = os.path.join(state_dir, product, "notice")
    if marker in _given or _running.includes_this(_giver(marker)):
        return _FIRST_RUN
    stream = sys.stderr if stream is None else stream  # None where a process has no standard error
    if stream is None or not _is_terminal(stream):
        _logger.info(
            "%s collects anonymous usage events (see them: agent-telemetry events; off: ANONYMIZED_TELEMETRY=false)."
            " They go to %s.",
            product,
            endpoint,
        )
        return None
    if os.path.lexists(marker):
        return None
    try:
        _remember(marker, endpoint)
    except OSError:
        _logger.debug("the notice cannot be remembered; it will be given again", exc_info=True)
    _given.add(marker)
    stream.write(_TEXT.format(product=product, endpoint=endpoint))
    return _FIRST_RUN


_FIRST_RUN = Decision(
    enabled=False, rule="first_run", reason="the notice was given in this run, which keeps and sends nothing"
)
_given: set[str] = set()  # in this process, whatever may be remembered on disk


def announced(product: str, state_dir: str) -> str | None:
    """Where the notice said that the product's events go; None where it was not given."""
    return _read(os.path.join(state_dir, product, "notice")).partition("\n")[2].strip() or None


def _remember(marker: str, endpoint: str) -> None:
    """Keep which process gave the notice, so that those that it starts know that this is still the first run."""
    folder = os.path.dirname(marker)
    make_private(folder)
    for place in (os.path.dirname(folder), folder):
        require_own(place)
    descriptor = os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, f"{_running.this()}\n{endpoint}\n".encode())
    finally:
        os.close(descriptor)


def _giver(marker: str) -> str:
    return _read(marker).partition("\n")[0]


def _read(marker: str) -> str:
    try:
        return read_plain(marker, 4096).decode(errors="replace")
    except OSError:
        return ""


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # a closed stream
        return False
