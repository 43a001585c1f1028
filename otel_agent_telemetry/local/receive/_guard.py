"""Who may talk to the server: this machine's own programs, or holders of the token."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_agent_telemetry._sockets import is_loopback, owner_of
from otel_agent_telemetry.local.receive._refusal import RefusalError

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["Guard"]


@dataclass(frozen=True, slots=True)
class Guard:
    """``token`` is demanded where it is given; else who comes has to be of this machine and of the same account.

    Of this machine: a request is addressed to a loopback name. Of the same account: where the system tells it (Linux).
    A page of another site can point its own host name at 127.0.0.1 (DNS rebinding); the Host header then names that
    site, and any request that its scripts make carries its Origin.
    """

    token: str | None = None

    def check_address(self, headers: Message) -> None:
        """Refuse a request that a page of another site has made. Raises RefusalError(403)."""
        host = headers.get("Host", "")
        if self.token is None and not is_loopback(_name(host)):
            raise RefusalError(403, f"Host {host[:80]!r} is not this machine; use http://127.0.0.1")
        origin = headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.strip().lower():
            raise RefusalError(403, f"Origin {origin[:80]!r} is another site")

    def check_peer(self, client: tuple[str, int], server: tuple[str, int]) -> None:
        """Refuse a connection of another account of this machine. Raises RefusalError(403).

        Root may come: it reads the file in any case. Where a token is demanded, that is what proves who may.
        """
        if self.token is not None:
            return
        owner = owner_of(client, server)
        if owner is not None and owner not in {0, os.geteuid()}:
            raise RefusalError(403, "this server is for the programs of the account that started it")

    def check_token(self, headers: Message) -> None:
        """Refuse a request without the token, where one is demanded. Raises RefusalError(401)."""
        if self.token is None:
            return
        given = headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise RefusalError(401, "send the header 'Authorization: Bearer TOKEN' with the token that serve was given")


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""
