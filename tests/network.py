"""Keeps the test process on loopback. Subprocesses are not covered: tests give those loopback addresses alone."""

from __future__ import annotations

import ipaddress
import random
import socket
import sys
from contextlib import suppress
from typing import cast


class OutsideLoopbackError(OSError):
    """Something in this process reached for an address that is not on this machine."""


attempts: list[str] = []
"""Every address that was refused and that no test has answered for yet: product code may swallow the error."""


def guard() -> None:
    """Refuses every connection, datagram and name look-up beyond loopback, for the rest of this process."""
    sys.addaudithook(_refuse)


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


def free_port() -> int:
    """A port of 127.0.0.1 for a program that has to be told one.

    Below the ports that the kernel hands to clients (Linux: from 32768, macOS: from 49152): between this look and the
    program's start one of those may be taken by any connection of this machine.
    """
    while True:
        port = random.randint(10_240, 32_000)  # noqa: S311 - any port will do
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
