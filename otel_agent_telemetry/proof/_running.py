"""Runs a command to its end, with a probe in each of its Python processes."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Ended", "execute", "probed"]

PROBE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe")
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, negative for a signal; ``stopped`` where it was told to end."""

    code: int
    stopped: bool

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and not well."""
        return self.code != 0 and not self.stopped


def probed(environ: Mapping[str, str], what: str, folder: str) -> dict[str, str]:
    """The environment with a probe in it, of ``connections`` or ``state``, which go into files of the folder."""
    path = os.pathsep.join([PROBE, *filter(None, [environ.get("PYTHONPATH", "")])])
    return {**environ, "PYTHONPATH": path, "AGENT_TELEMETRY_PROBE": what, "AGENT_TELEMETRY_PROBE_FOLDER": folder}


def execute(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    seconds: float | None = None,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Ended:
    """Run it; after so many seconds, and on Ctrl-C here, it is told to end as by Ctrl-C.

    Where it does not listen it gets SIGTERM and in the end SIGKILL.
    """
    process = subprocess.Popen(  # noqa: S603 - running what the user typed is what this is for
        command, env=dict(environ), stdin=stdin, stdout=stdout, stderr=stderr
    )
    stopped = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            return Ended(process.wait(_PATIENCE_SECONDS if stopped else seconds), stopped)
        except KeyboardInterrupt:  # a terminal tells the command as well
            stopped = True
            continue
        except subprocess.TimeoutExpired:
            stopped = True
            process.send_signal(number)
    return Ended(process.wait(), stopped)
