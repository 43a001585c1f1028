"""How a parcel leaves the machine: one POST with exactly these headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from otel_agent_telemetry._imports import importing

if TYPE_CHECKING:
    from otel_agent_telemetry._http import Client

__all__ = ["POST_SECONDS", "Post", "Reply", "Transport", "TransportWithRequests", "retry_after_seconds"]

POST_SECONDS = 5.0
_LONGEST_BODY_READ = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST. Of ``Host`` and ``Content-Length`` the transport takes care; it adds no other header to these."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = POST_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: a status, None where nothing came in time, and the Retry-After header as written."""

    status: int | None
    retry_after: str | None = None


class Transport(Protocol):
    """Makes one POST; never raises, and never takes longer than ``post.seconds``."""

    def __call__(self, post: Post, /) -> Reply:
        """The server's reply."""
        ...


class TransportWithRequests:
    """The transport of every day: ``requests`` with everything taken off that it would add, over one connection."""

    def __init__(self) -> None:
        self._client: Client | None = None

    def __call__(self, post: Post, /) -> Reply:
        """The server's reply."""
        try:
            if self._client is None:
                with importing:
                    from otel_agent_telemetry._http import Client

                self._client = Client(limit=_LONGEST_BODY_READ)
            answer = self._client.exchange("POST", post.url, headers=post.headers, body=post.body, seconds=post.seconds)
        except Exception:  # noqa: BLE001 - an installation of requests may be as broken as a network
            return Reply(status=None)
        return Reply(status=answer.status, retry_after=answer.retry_after)

    def rest(self) -> None:
        """Nothing follows for now: close the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """The wait that a Retry-After header asks for (RFC 9110, 10.2.3), in seconds; None if it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])  # no longer than a few decades, whatever they wrote
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None
