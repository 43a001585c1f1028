"""Who may see the report: whoever has the token, or without one a reader on this machine and not by a proxy."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_agent_telemetry._sockets import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CHALLENGE", "may_read"]

CHALLENGE = {"WWW-Authenticate": 'Basic realm="agent-telemetry report", charset="UTF-8"'}
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def may_read(headers: Mapping[str, str], token: str | None) -> bool:
    """By these headers of a request: a bearer token, or the token as the password of any user, as browsers ask for it.

    Without a token a request has to be addressed to a loopback name, which a page of another site cannot do, and must
    not have come by a reverse proxy, behind which everybody looks like this machine.
    """
    if token is not None:
        return any(hmac.compare_digest(given, token.encode()) for given in _given(headers.get("Authorization", "")))
    if any(name in headers for name in _FORWARDED):
        return False
    try:
        return is_loopback(urlsplit(f"//{headers.get('Host', '').strip()}").hostname or "")
    except ValueError:
        return False


def _given(authorization: str) -> list[bytes]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return [rest.strip().encode(errors="replace")]
    if scheme.lower() == "basic":
        try:
            return [base64.b64decode(rest, validate=True).partition(b":")[2]]
        except (binascii.Error, ValueError):
            return []
    return []
