"""The first-run notice: what is collected, how to see it and how to switch it off."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from otel_agent_telemetry.consent import Decision

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["give_notice"]

_logger = logging.getLogger("otel_agent_telemetry")

_TEXT = """\
{product} collects anonymous usage events: which lifecycle events happen, how long they take, which public models are
used. Never prompts, answers, names, paths or messages.{sent}
  see them:       agent-telemetry events            (and before they leave: agent-telemetry events --next)
  switch it off:  agent-telemetry off               or ANONYMIZED_TELEMETRY=false, or DO_NOT_TRACK=1
This run keeps and sends nothing.
"""


def give_notice(product: str, endpoint: str | None, state_dir: str, stream: TextIO | None = None) -> Decision | None:
    """Give the notice once per user and product; the decision for this run, which sends nothing, when it was given.

    Where nobody watches (standard error is no terminal) it is one INFO log record per start and events flow.
    """
    stream = sys.stderr if stream is None else stream  # None where a process has no standard error
    where = f" They go to {endpoint}." if endpoint else " They stay on this machine."
    if stream is None or not _is_terminal(stream):
        _logger.info(
            "%s collects anonymous usage events (see them: agent-telemetry events; off: ANONYMIZED_TELEMETRY=false).%s",
            product,
            where,
        )
        return None
    marker = os.path.join(state_dir, product, "notice")
    try:
        os.makedirs(os.path.dirname(marker), mode=0o700, exist_ok=True)
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return None
    except OSError:
        _logger.debug("the notice cannot be remembered; it will be given again", exc_info=True)
    stream.write(_TEXT.format(product=product, sent=where))
    return Decision(enabled=False, rule="first_run", reason="the notice was given in this run, which sends nothing")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # a closed stream
        return False
