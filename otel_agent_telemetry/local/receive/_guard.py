"""Who may talk to the server: this machine's own programs, or holders of the token."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_agent_telemetry.local.receive._body import RefusalError

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["Guard", "is_loopback"]


@dataclass(frozen=True, slots=True)
class Guard:
    """``token`` is demanded where it is given; without one only requests addressed to loopback names pass.

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

    def check_token(self, headers: Message) -> None:
        """Refuse a request without the token, where one is demanded. Raises RefusalError(401)."""
        if self.token is None:
            return
        given = headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise RefusalError(401, "send the header 'Authorization: Bearer TOKEN' with the token that serve was given")


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""
