"""What the probe in the program saw of its connections."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CONNECTIONS_FILE", "Connection", "connections", "outside"]

CONNECTIONS_FILE = "connections.jsonl"


@dataclass(frozen=True, slots=True)
class Connection:
    """An address that a Python process of the program reached for, or a name that it looked up.

    ``ours`` says that the code that did it is ours or OpenTelemetry's; ``by`` is its module.
    """

    address: str
    ours: bool
    by: str


def connections(folder: str) -> list[Connection]:
    """All of them, each once, in the order in which they first came."""
    try:
        with open(os.path.join(folder, CONNECTIONS_FILE), encoding="utf-8") as file:
            read = [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []
    return list(dict.fromkeys(Connection(each["address"], each["ours"], each["by"]) for each in read))


def outside(found: Iterable[Connection], ports: Iterable[int]) -> list[Connection]:
    """Those that our code made to anywhere but the sinks at these ports."""
    sinks = {f"{host}:{port}" for port in ports for host in ("127.0.0.1", "localhost", "::1")}
    return [each for each in found if each.ours and each.address not in sinks and each.address not in _NAMES]


_NAMES = {"name 127.0.0.1", "name localhost", "name ::1"}
"""What the sinks' own addresses look up."""
