"""What the system tells of sockets: which names are this machine, whose a connection or a listening port of it is.

Accounts are known where the system tells them (Linux: proc_net_tcp(5)).
"""

from __future__ import annotations

import ipaddress
import sys
from typing import NamedTuple

__all__ = ["is_loopback", "listeners", "owner_of", "tells_accounts"]

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENING = "0A"
_MAPPED = "0000000000000000FFFF0000"  # an IPv4 address as a socket of both families has it (RFC 4291, 2.5.5.2)


class _Row(NamedTuple):
    local: str
    remote: str
    state: str
    uid: int
    inode: str


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def owner_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The account whose process opened that connection from this machine; -1 where none has it, None if unknown."""
    rows = _rows()
    if rows is None:
        return None
    ends = (_written(client), _written(server))
    # A connection that its process has let go of stays for a while, and as if it were root's.
    found = [row.uid for row in rows if (row.local, row.remote) == ends and row.inode != "0"]
    return found[0] if found else -1


def tells_accounts() -> bool:
    """Whether this system tells whose a connection is."""
    return _rows() is not None


def listeners(port: int) -> set[int] | None:
    """The accounts that listen on that port of this machine, at whatever address; None if unknown."""
    rows = _rows()
    if rows is None:
        return None
    return {row.uid for row in rows if row.state == _LISTENING and row.local.endswith(f":{port:04X}")}


def _rows() -> list[_Row] | None:
    rows: list[_Row] = []
    for table in _TABLES:
        try:
            with open(table, encoding="ascii") as file:
                rows += [_row(line.split()) for line in file.readlines()[1:]]
        except FileNotFoundError:  # a system without IPv6, or not Linux
            continue
        except OSError:
            return None
    return rows or None


def _row(fields: list[str]) -> _Row:
    return _Row(_plain(fields[1]), _plain(fields[2]), fields[3], int(fields[7]), fields[9])


def _plain(end: str) -> str:
    return end.removeprefix(_MAPPED)


def _written(end: tuple[str, int]) -> str:
    """An address and a port as the tables have them: words of four bytes in the machine's order."""
    packed = ipaddress.ip_address(end[0]).packed
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words) + f":{end[1]:04X}"
