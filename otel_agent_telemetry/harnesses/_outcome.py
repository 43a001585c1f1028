"""How a run ended, from what only its parent knows: exit code, signal, and who asked it to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NamedTuple

from otel_agent_telemetry import semconv as names

if TYPE_CHECKING:
    from otel_agent_telemetry.harnesses._known import Known

__all__ = ["Outcome", "outcome_of"]

_STOPS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE})
_BY_SIGNAL = 128
"""What a shell adds to the number of the signal that ended a program (POSIX shell, 2.8.2: more than 128)."""


class Outcome(NamedTuple):
    """``ok``, ``error`` or ``cancelled``, the type of the error, and the exit code as a shell gives it."""

    outcome: str
    error: str | None
    code: int


def outcome_of(
    known: Known, returncode: int, *, stopped_by: str | None = None, said: str | None = None, error: str | None = None
) -> Outcome:
    """The outcome of a run.

    ``returncode`` is negative for a signal, as in :mod:`subprocess`; ``stopped_by`` names the signal that it was sent,
    ``said`` and ``error`` are its own last words.
    """
    code = returncode if returncode >= 0 else _BY_SIGNAL - returncode
    stopped = stopped_by is not None and (returncode != 0 or stopped_by in known.ends_well_on)
    if said == names.OUTCOME_CANCELLED or (said != names.OUTCOME_OK and stopped) or _is_stop(returncode, code):
        return Outcome(names.OUTCOME_CANCELLED, None, code)
    if said == names.OUTCOME_ERROR or returncode != 0:
        return Outcome(names.OUTCOME_ERROR, error or _error_of(returncode), code)
    return Outcome(names.OUTCOME_OK, None, code)


def _is_stop(returncode: int, code: int) -> bool:
    number = -returncode if returncode < 0 else code - _BY_SIGNAL
    return number in _STOPS


def _error_of(returncode: int) -> str:
    """``error.type`` where nothing better is known: the signal's name, or the exit code."""
    if returncode >= 0:
        return f"exit_code_{returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return "_OTHER"
