"""Keeps the test process on loopback. Subprocesses are not covered: tests give those loopback addresses alone."""

from __future__ import annotations

import atexit
import ipaddress
import socket
import sys
from typing import cast


class OutsideLoopbackError(OSError):
    """Something in this process reached for an address that is not on this machine."""


attempts: list[str] = []
"""Every address that was refused and that no test has answered for yet: product code may swallow the error."""

_held: list[socket.socket] = []


def guard() -> None:
    """Refuses every connection, datagram and name look-up beyond loopback, for the rest of this process."""
    sys.addaudithook(_refuse)
    atexit.register(lambda: [each.close() for each in _held])


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        host = _host(args[1])
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0]
    else:
        return
    if not _is_local(host):
        attempts.append(f"{event} {host!r}")
        raise OutsideLoopbackError(f"{event} {host!r}: a test may reach loopback addresses only")


def _host(address: object) -> object:
    """The host of an address of IPv4 or IPv6; None for other families, which are local by nature."""
    return cast("tuple[object, ...]", address)[0] if isinstance(address, tuple) else None


def _is_local(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(address, "ipv4_mapped", None) or address  # as a socket of both families writes 127.0.0.1
    return plain.is_loopback or plain.is_unspecified


def reserved_port() -> int:
    """A port of 127.0.0.1 for a program that has to be told one: nobody else is given it, nor may have it by chance.

    Linux gives a port that a socket is bound to only to whoever names it, and lets a server that sets SO_REUSEADDR, as
    servers do, bind and listen beside a socket that does the same and does not listen. Elsewhere the port is one whose
    last connection has just been closed, which keeps it in the same way for as long as TIME_WAIT lasts.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        address: tuple[str, int] = server.getsockname()
        with socket.create_connection(address):
            server.accept()[0].close()
    if sys.platform == "linux":
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(address)
        _held.append(held)
    return address[1]
