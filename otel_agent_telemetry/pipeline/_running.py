"""Whether this process belongs to the run that another one began: its children, and theirs."""

from __future__ import annotations

import os

__all__ = ["includes_this", "this"]

_MOST_GENERATIONS = 100
_STARTED, _PARENT = 19, 1  # fields of /proc/PID/stat after the name (proc_pid_stat(5)): 22 starttime, 4 ppid


def this() -> str:
    """Words for this process, as :func:`includes_this` reads it: its number, its group, and when it was started."""
    return f"{os.getpid()} {_group()} {_started(os.getpid())}"


def includes_this(process: str) -> bool:
    """Whether that process still runs and is this one, one that led to it, or one beside it in a shell's job."""
    number, _, rest = process.partition(" ")
    group, _, started = rest.partition(" ")
    if not number.isdigit() or not _is_running(int(number), started.strip()):
        return False
    # Numbers are used again: only where the system tells when a process began can this one be known by its own.
    lineage = _lineage() if started.strip() else [os.getppid()]
    return int(number) in lineage or group == str(_group())


def _is_running(number: int, started: str) -> bool:
    if started:
        return _started(number) == started
    try:
        os.kill(number, 0)
    except OSError:
        return False
    return number != os.getpid()


def _group() -> int:
    return os.getpgrp() if hasattr(os, "getpgrp") else 0


def _lineage() -> list[int]:
    """The numbers of this process, its parent, and so on."""
    found = [os.getpid()]
    while found[-1] > 1 and len(found) < _MOST_GENERATIONS:
        fields = _stat(found[-1])
        found.append(int(fields[_PARENT]) if fields else 0)
    return found


def _started(number: int) -> str:
    """When a process was started, in ticks of this boot; empty where the system does not tell (all but Linux)."""
    fields = _stat(number)
    return fields[_STARTED] if fields else ""


def _stat(number: int) -> list[str]:
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []
