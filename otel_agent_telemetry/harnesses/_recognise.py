"""Which coding agent a command line starts, also by npm's shims, ``npx``, ``node`` and wrappers such as ``env``."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, NamedTuple, cast

from otel_agent_telemetry.harnesses._known import HARNESSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_agent_telemetry.harnesses._known import Known

__all__ = ["Found", "recognise"]

_EXTENSION = re.compile(r"\.(exe|cmd|ps1|[cm]?js)$")
_NODES = frozenset({"node", "nodejs", "bun", "deno"})
_TAKE_A_VALUE = {
    "node": ("-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"),
    "npx": ("-p", "--package", "-w", "--workspace"),
    "env": ("-u", "--unset", "-C", "--chdir"),
    "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "--class", "--classdata"),
    "timeout": ("-k", "--kill-after", "-s", "--signal"),
    "stdbuf": ("-i", "-o", "-e"),
}
_RUNNERS = {  # a package runner, and the words between it and the package
    "npx": ((),),
    "bunx": ((),),
    "pnpx": ((),),
    "npm": (("exec",), ("x",)),
    "pnpm": (("dlx",), ("exec",)),
    "yarn": (("dlx",), ("exec",)),
    "bun": (("x",),),
}
_WRAPPERS = {
    "env": 0,
    "nice": 0,
    "ionice": 0,
    "nohup": 0,
    "setsid": 0,
    "stdbuf": 0,
    "timeout": 1,
    "tini": 0,
    "dumb-init": 0,
}
"""A wrapper, and how many words of its own come before the command."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_FIRST_LINE = 128


class Found(NamedTuple):
    """The coding agent, and the place in the command line behind its program, where its own arguments begin."""

    known: Known
    at: int


def recognise(command: Sequence[str], environment: Mapping[str, str] = os.environ, at: int = 0) -> Found | None:
    """What the command starts; None for anything that is not known. Looks at names and paths, and starts nothing."""
    if at >= len(command):
        return None
    program = _bare(command[at])
    if program in _WRAPPERS:
        return _wrapped(command, environment, at, program)
    if program in _RUNNERS:
        runner = _run_by(command, at, program)
        if runner is not None or program != "bun":
            return runner
    if program in _NODES:
        place = _first_word(command, at + 1, "node")
        known = None if place is None else _by_path(command[place])
        return None if known is None or place is None else Found(known, place + 1)
    known = _by_name(command[at], program, environment) or _by_entry(command[at], environment)
    if known is None or (known.opens and command[at + 1 : at + 2] not in [[word] for word in known.opens]):
        return None
    return Found(known, at + 1)


def _wrapped(command: Sequence[str], environment: Mapping[str, str], at: int, program: str) -> Found | None:
    place = _first_word(command, at + 1, program)
    while place is not None and program == "env" and place < len(command) and _ASSIGNMENT.match(command[place]):
        place += 1
    return None if place is None else recognise(command, environment, place + _WRAPPERS[program])


def _run_by(command: Sequence[str], at: int, program: str) -> Found | None:
    for words in _RUNNERS[program]:
        if tuple(command[at + 1 : at + 1 + len(words)]) == words:
            place = _first_word(command, at + 1 + len(words), "npx")
            known = None if place is None else _by_package(command[place])
            if known is not None and place is not None:
                return Found(known, place + 1)
    return None


def _first_word(command: Sequence[str], at: int, program: str) -> int | None:
    """Where the first word is that is no option, and no value of one."""
    while at < len(command):
        word = command[at]
        if word == "--":
            return at + 1
        if not word.startswith("-"):
            return at
        at += 2 if word in _TAKE_A_VALUE.get(program, ()) else 1
    return None


def _by_package(given: str) -> Known | None:
    name = given[0] + given[1:].partition("@")[0] if given else ""
    by_package = (row for row in HARNESSES.values() if name in row.packages)
    return next(by_package, None) or HARNESSES.get(name)


def _by_path(path: str) -> Known | None:
    """By the package that a file is in, whatever links lead there."""
    return next((row for row in HARNESSES.values() for package in row.packages if _is_in(path, package)), None)


def _is_in(path: str, package: str) -> bool:
    inside = f"/{package}/"
    return inside in path.replace(os.sep, "/") or inside in os.path.realpath(path).replace(os.sep, "/")


def _by_name(given: str, program: str, environment: Mapping[str, str]) -> Known | None:
    known = next((row for row in HARNESSES.values() if program in (row.name, *row.commands)), None)
    if known is None:
        return None
    path = shutil.which(given, path=environment.get("PATH")) or given
    if known.by_package_only:
        return known if _by_path(path) is known else None
    return None if _is_python(path) else known


def _by_entry(given: str, environment: Mapping[str, str]) -> Known | None:
    """By the package that it is a command of, whatever it is called; a program that a package only brings is not it."""
    path = os.path.realpath(shutil.which(given, path=environment.get("PATH")) or given)
    known = _by_path(path)
    return known if known is not None and path in _commands_of(known, path) else None


def _commands_of(known: Known, path: str) -> list[str]:
    """The files that the package around a path has for commands."""
    package = next(name for name in known.packages if _is_in(path, name))
    root = os.path.join(path.replace(os.sep, "/").rpartition(f"/{package}/")[0], package)
    try:
        with open(os.path.join(root, "package.json"), encoding="utf-8") as file:
            listed: object = json.load(file).get("bin")
    except (OSError, ValueError, AttributeError):
        return []
    values = cast("dict[str, object]", listed).values() if isinstance(listed, dict) else (listed,)
    return [os.path.realpath(os.path.join(root, value)) for value in values if isinstance(value, str)]


def _is_python(path: str) -> bool:
    """Whether it is a Python script, which somebody gave the name of a coding agent."""
    try:
        with open(path, "rb") as file:
            first = file.read(_FIRST_LINE).partition(b"\n")[0]
    except OSError:
        return False
    return first.startswith(b"#!") and b"python" in first


def _bare(word: str) -> str:
    return _EXTENSION.sub("", os.path.basename(word))
