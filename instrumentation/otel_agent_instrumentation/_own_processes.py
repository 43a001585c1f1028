"""Processes that a library starts for itself, and that are no programs of the user's.

Whoever runs a program names a file of his, a console script or a module. A script inside an installed library is named
by that library alone: what it parses and serves is neither a command nor a server of the program. Some of them run the
user's functions all the same, as a worker of Ray does; those that run none are left as they are.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import PurePath

__all__ = ["is_left_alone", "is_of_a_library"]

_INSTALLED = frozenset({"site-packages", "dist-packages"})  # where pip installs, and where Debian does
_HAS_NO_SCRIPT = re.compile("-[A-Za-z]*[cm]")  # -c and -m, also at the end of a group of options

_PREFECT_TEMPORARY_SERVER = "PREFECT__SERVER_EPHEMERAL"
"""Set by Prefect for the server that a program starts for itself where no other is named, and that ends with it."""

_RAY_WORKERS = frozenset({"default_worker.py"})
"""The one script of Ray's that runs the user's functions; others are its dashboard, its agents and its monitors."""

_LEFT_ALONE = "_AGENT_TELEMETRY_LEFT_ALONE"
"""The id of a process that is left alone, for those that it spawns, whose command lines say nothing."""


def is_of_a_library() -> bool:
    """Whether this process runs a script inside an installed library, which started it."""
    return _library() != ""


def is_left_alone() -> bool:
    """Whether this process runs nothing of the user's; asked once, as Python starts."""
    script = _script()
    alone = (
        _PREFECT_TEMPORARY_SERVER in os.environ
        or (_library() == "ray" and PurePath(script).name not in _RAY_WORKERS)
        or (_is_spawned() and os.environ.get(_LEFT_ALONE) == str(os.getppid()))
    )
    if alone:
        os.environ[_LEFT_ALONE] = str(os.getpid())
    return alone


def _library() -> str:
    """The package whose script this process runs; empty where it runs anything else."""
    parts = PurePath(_script()).parts
    at = max((number for number, part in enumerate(parts) if part in _INSTALLED), default=None)
    return "" if at is None else "".join(parts[at + 1 : at + 2])


def _script() -> str:
    """The path of the script that Python was started with; empty for ``-c``, ``-m`` and standard input."""
    for word in sys.orig_argv[1:]:
        if not word.startswith("-"):
            return word
        if word == "-" or _HAS_NO_SCRIPT.match(word):
            break
    return ""


def _is_spawned() -> bool:
    return any(word.startswith("from multiprocessing") for word in sys.orig_argv)
