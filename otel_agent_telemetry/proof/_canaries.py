"""Texts that must not leave: made for the run, those of the machine and the command, and what a user names."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["CONTROL", "SHORTEST", "Canary", "named", "planted", "present"]

SHORTEST = 4
"""Characters below which a text is found anywhere by chance."""

CONTROL = "planted OTEL_RESOURCE_ATTRIBUTES"
"""What the operator's own traces are to hold: where it is found there, the search finds what is there."""

_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH", "DSN", "COOKIE")
_SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True)
class Canary:
    """A text that is looked for. ``name`` says what it is; a report shows the name and never the text.

    ``own`` is what the operator's own traces may hold, such as his host's name: only the events must not.
    """

    name: str
    text: str
    own: bool = False


def planted(environ: Mapping[str, str]) -> tuple[dict[str, str], list[Canary]]:
    """Variables to add to the program's environment, and the texts that stand in them."""
    mark = {name: f"canary{secrets.token_hex(12)}" for name in ("key", "password", "secret", "person", "resource")}
    variables = {
        "AUDIT_API_KEY": f"sk-{mark['key']}",
        "AUDIT_DATABASE_URL": f"postgres://audit:{mark['password']}@db.audit.invalid/orders",
        "AUDIT_SECRET_TOKEN": mark["secret"],
        "AUDIT_EMAIL": f"{mark['person']}@audit.invalid",
    }
    attributes = [environ.get("OTEL_RESOURCE_ATTRIBUTES", ""), f"audit.canary={mark['resource']}"]
    canaries = [
        Canary("planted AUDIT_API_KEY", mark["key"]),
        Canary("planted AUDIT_DATABASE_URL", mark["password"]),
        Canary("planted AUDIT_SECRET_TOKEN", mark["secret"]),
        Canary("planted AUDIT_EMAIL", mark["person"]),
        Canary(CONTROL, mark["resource"], own=True),
    ]
    resource = {"OTEL_RESOURCE_ATTRIBUTES": ",".join(filter(None, attributes))}
    return {**variables, **resource}, canaries


def present(command: Sequence[str], environ: Mapping[str, str]) -> list[Canary]:
    """What the machine, the account, the folder, the environment and the command line have; each text once."""
    found: dict[str, Canary] = {}
    for canary in (*_secrets(environ), *_machine(), *_account(environ), *_folder(), *_arguments(command)):
        if len(canary.text) >= SHORTEST:
            found.setdefault(canary.text, canary)
    return [*found.values()]


def named(texts: Iterable[str]) -> list[Canary]:
    """What the user names, in that order. Raises ValueError for a text that is too short to be told from chance."""
    canaries: list[Canary] = []
    for number, text in enumerate(dict.fromkeys(texts), 1):
        if len(text) < SHORTEST:
            msg = f"canary {number} has {len(text)} characters; expected at least {SHORTEST}."
            raise ValueError(msg)
        canaries.append(Canary(f"your canary {number}", text))
    return canaries


def _secrets(environ: Mapping[str, str]) -> Iterator[Canary]:
    for name, value in environ.items():
        if any(part in name.upper() for part in _SECRET) and len(value) >= _SHORTEST_SECRET:
            yield Canary(f"variable {name}", value)


def _machine() -> Iterator[Canary]:
    yield Canary("host name", socket.gethostname(), own=True)
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        yield Canary("machine id", _first_line(path), own=True)
    hardware = f"{uuid.getnode():012x}"
    yield Canary("hardware address", hardware, own=True)
    yield Canary("hardware address", ":".join(hardware[at : at + 2] for at in range(0, 12, 2)), own=True)


def _account(environ: Mapping[str, str]) -> Iterator[Canary]:
    with suppress(OSError, KeyError):  # an account without an entry
        yield Canary("user name", getpass.getuser(), own=True)
    yield Canary("home", environ.get("HOME", ""), own=True)


def _folder() -> Iterator[Canary]:
    yield Canary("working directory", os.getcwd(), own=True)
    for what in ("remote.origin.url", "user.email", "user.name"):
        try:
            done = subprocess.run(  # noqa: S603 - a constant command line
                ["git", "config", "--get", what],  # noqa: S607 - the user's own git
                capture_output=True,
                text=True,
                timeout=5,
                check=False,
            )
        except (OSError, subprocess.SubprocessError, ValueError):
            return
        yield Canary(f"git {what}", done.stdout.strip(), own=True)


def _arguments(command: Sequence[str]) -> Iterator[Canary]:
    for number, argument in enumerate(command):
        yield Canary(f"argument {number} of the command", argument, own=True)


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except (OSError, UnicodeError):
        return ""
