"""Whether a `serve` of this account is up on this machine, where its page is, and what it asks of programs.

Where the system tells whose a connection is (Linux), that is all that is needed. Elsewhere a secret in a file that only
this account can read does it: `serve` demands it as a token, and proves that it has it before anything is sent there.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from otel_agent_telemetry._sockets import listeners, tells_accounts

__all__ = ["LOCAL_URL", "local_headers", "local_page", "local_serve_is_up", "local_token", "proof"]

_HOST, _PORT = "127.0.0.1", 4318
LOCAL_URL = f"http://{_HOST}:{_PORT}"
_PROBE_SECONDS = 0.3
_LONGEST = 200


def local_serve_is_up(state_dir: str) -> bool:
    """Whether a `serve` of this account answers: another account's would see what this one's programs do."""
    owners, secret, nonce = listeners(_PORT), None, os.urandom(16).hex()
    if owners is None:
        with suppress(OSError):
            secret = local_token(state_dir)
        if secret is None:
            return False
    elif owners != {os.geteuid()}:
        return False
    import http.client  # only where somebody listens: it and what it needs take as long as a small program

    connection = http.client.HTTPConnection(_HOST, _PORT, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", f"/healthz?nonce={nonce}")
        answer: object = json.loads(connection.getresponse().read(1024))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if not isinstance(answer, dict) or answer.get("service") != "agent-telemetry":  # pyright: ignore[reportUnknownMemberType] - parsed JSON
        return False
    return secret is None or bool(answer.get("proof") == proof(secret, nonce, _PORT))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - parsed JSON


def local_token(state_dir: str, *, make: bool = False) -> str | None:
    """The secret of this account's programs and its `serve`, where the system tells no accounts; else None.

    With ``make`` it is made where it is missing. Raises OSError, also where others could have put it there.
    """
    from otel_agent_telemetry._folder import make_private, read_plain, require_own, write_private

    if tells_accounts():
        return None
    path = os.path.join(state_dir, "serve.token")
    for place in (state_dir, path):
        require_own(place)
    if make and not os.path.exists(path):
        make_private(state_dir)
        write_private(path, os.urandom(24).hex() + "\n")
    try:
        return read_plain(path, _LONGEST).decode().strip() or None
    except FileNotFoundError:
        return None


def local_headers(state_dir: str, given: str | None) -> dict[str, str]:
    """The variable with which an exporter sends that secret, beside the headers that were given; {} on Linux."""
    secret = local_token(state_dir)
    ours = f"Authorization=Bearer%20{secret}"
    return {} if secret is None else {"OTEL_EXPORTER_OTLP_HEADERS": f"{given},{ours}" if given else ours}


def local_page(state_dir: str) -> str:
    """The address of its page."""
    secret = local_token(state_dir)
    return f"{LOCAL_URL}/" if secret is None else f"{LOCAL_URL}/#token={secret}"


def proof(secret: str, nonce: str, port: int) -> str:
    """What only who has that secret can answer to the nonce, on that port."""
    import hashlib
    import hmac

    return hmac.new(secret.encode(), f"agent-telemetry serve {port} {nonce}".encode(), hashlib.sha256).hexdigest()
