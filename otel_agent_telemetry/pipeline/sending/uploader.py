"""The uploader: takes from the ledger what is pending and sends it, one POST after the other."""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_agent_telemetry import _deadline
from otel_agent_telemetry.pipeline.sending._transport import (
    POST_SECONDS,
    Post,
    Reply,
    Transport,
    TransportWithRequests,
    retry_after_seconds,
)
from otel_agent_telemetry.pipeline.sending.ledger import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.pipeline.sending.ledger import Ledger, Parcel

__all__ = ["SendResult", "Uploader"]

_LEASE_SECONDS = 3 * POST_SECONDS
_LEASE_HELD_SECONDS = POST_SECONDS  # before it is asked for anew: what is left of it is longer than a POST
_GIVE_UP_SECONDS = 86_400.0
_LONGEST_BACKOFF_SECONDS = 900.0
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0
_GONE = 410
_RETRYABLE = frozenset({408, 429})
_UNREACHED = frozenset({502, 503, 504})  # says a gateway, or a server that is too busy to look at the body
_TRIES_TOGETHER = 3
_SHORTEST_POST_SECONDS = 0.001
_LEAVING_SECONDS = 0.2
_OF_THE_SYSTEM = secrets.SystemRandom()  # the host may have seeded the other one, and counts on its numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """How a round of sending ended.

    ``ended``: ``empty`` (nothing is left), ``waiting`` (the server, or the network, is given time), ``busy`` (another
    one is sending), ``refused`` (consent was withdrawn, or whoever sends is not to go on), ``stopped`` (the server
    wants no more from this version), ``out_of_time``. ``next_at`` is when to try again, in seconds since the epoch;
    None where only a new event, or nothing, makes that worth while. ``sent`` and ``dropped`` count events.
    """

    ended: str
    next_at: float | None = None
    sent: int = 0
    dropped: int = 0


class Uploader:
    """Sends a ledger's events to one endpoint.

    ``user_agent`` is ``<product>/<version>`` and stands for the version that a 410 stops. ``allowed`` is asked before
    each POST. No thread of its own: whoever calls :meth:`send_once` waits for the network.
    """

    def __init__(
        self,
        ledger: Ledger,
        endpoint: str,
        user_agent: str,
        *,
        api_key: str | None = None,
        batch: int = 1,
        allowed: Callable[[], bool] = lambda: True,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        randomness: Callable[[], float] = _OF_THE_SYSTEM.random,
    ) -> None:
        self._ledger = ledger
        self._endpoint = endpoint
        self._user_agent = user_agent
        self._api_key = api_key
        self._batch = batch
        self._allowed = allowed
        self._own_transport = TransportWithRequests()
        self._transport = self._own_transport if transport is None else transport
        self._clock = clock
        self._randomness = randomness
        self._holder: str | None = None
        self._held_since = 0.0
        self._leaves = False
        self._leasing = threading.Lock()
        self._settled = threading.Event()
        self._posted_at = float("-inf")

    def send_once(self, seconds: float | None = None, *, goes_on: Callable[[], bool] = lambda: True) -> SendResult:
        """Send what is due until nothing is left, the server asks for patience, or so many seconds are over.

        ``goes_on`` is asked before each POST, as consent is. Raises LedgerError.
        """
        self._ledger.take_over()
        if self._ledger.is_stopped(self._user_agent):
            return SendResult(ended="stopped", dropped=self._ledger.drop_pending("stopped"))
        parcel = self._ledger.next_parcel(self._batch)
        if parcel is None or parcel.due_at > self._clock():
            return _waiting_for(parcel)
        holder = f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            return self._send_all(holder, None if seconds is None else time.monotonic() + seconds, goes_on)
        finally:
            self._own_transport.rest()
            if self._holder == holder:
                self._holder = None
                self._ledger.release_lease(holder)

    def leave(self, seconds: float = _LEAVING_SECONDS) -> None:
        """Let another process send, now that this one is about to exit: a POST under way may end, none follows it.

        One that has just begun gets the moment that an answer takes, so that the next run need not send it again; one
        that got it already is not waited for.
        """
        self._leaves = True
        self._settled.wait(max(0.0, min(_deadline.left(seconds), self._posted_at + seconds - time.monotonic())))
        if not self._leasing.acquire(timeout=_deadline.left(_LEASE_SECONDS)):
            return
        try:
            holder = self._holder
            if holder is not None and holder.startswith(f"{os.getpid()}-"):  # not in a child forked in mid-send
                self._ledger.release_lease(holder)
        finally:
            self._leasing.release()

    def _send_all(self, holder: str, ends_at: float | None, goes_on: Callable[[], bool]) -> SendResult:
        sent = dropped = 0
        state = ""
        while True:
            left = POST_SECONDS if ends_at is None else min(POST_SECONDS, ends_at - time.monotonic())
            if self._leaves or not (goes_on() and self._allowed()):
                return SendResult(ended="refused", sent=sent, dropped=dropped)
            found = self._due(holder, has_time=left >= _SHORTEST_POST_SECONDS, looks=state == "pending")
            if isinstance(found, SendResult):
                return replace(found, sent=sent, dropped=dropped)
            state = self._send(found, left, holder)
            sent += len(found.ids) if state == "sent" else 0
            dropped += len(found.ids) if state == "dropped" else 0
            if state == "dropped" and self._ledger.is_stopped(self._user_agent):
                return SendResult(ended="stopped", sent=sent, dropped=dropped + self._ledger.drop_pending("stopped"))

    def _due(self, holder: str, *, has_time: bool, looks: bool) -> Parcel | SendResult:
        """What goes next, claimed; else how the round ends. Where nothing may be due a look writes nothing."""
        if looks or not has_time:
            parcel = self._ledger.next_parcel(self._batch)
            if parcel is None or parcel.due_at > self._clock():
                return _waiting_for(parcel)
            if not has_time:
                return SendResult(ended="out_of_time", next_at=self._clock())
        claim = self._claim(holder)
        if not claim.is_holder:  # another one is sending, or took over while the machine slept
            return SendResult(ended="busy", next_at=self._ledger.lease_until())
        return claim.parcel if claim.parcel is not None and claim.is_due else _waiting_for(claim.parcel)

    def _claim(self, holder: str) -> Claim:
        """Become, or stay, the one who sends; not on the way out, where nobody would give the lease back."""
        with self._leasing:
            if self._leaves:
                return Claim(is_holder=False)
            now = self._clock()
            is_new = self._holder != holder
            renews = is_new or not 0 <= now - self._held_since < _LEASE_HELD_SECONDS
            claim = self._ledger.claim_next(
                holder,
                self._batch,
                lease_seconds=_LEASE_SECONDS if renews else None,
                tried_before=now - _GIVE_UP_SECONDS if is_new else None,
            )
            if claim.is_holder and claim.is_due:
                self._holder = holder
                self._held_since = now if renews else self._held_since
            elif not is_new:  # another thread's lease is that thread's to give back
                self._holder = None
            return claim

    def _send(self, parcel: Parcel, seconds: float, holder: str) -> str:
        """One POST, all the way to what the ledger says of it; gives the state of the parcel."""
        self._settled.clear()
        self._posted_at = time.monotonic()
        try:
            return self._settle(parcel, self._transport(self._post_of(parcel, seconds)), holder)
        finally:
            self._settled.set()

    def _post_of(self, parcel: Parcel, seconds: float) -> Post:
        headers = {
            "Content-Type": parcel.content_type,
            "User-Agent": self._user_agent,
            "Idempotency-Key": parcel.idempotency_key,
        }
        if self._api_key is not None:
            headers["X-Api-Key"] = self._api_key
        return Post(url=self._endpoint, body=parcel.body, headers=headers, seconds=seconds)

    def _settle(self, parcel: Parcel, reply: Reply, holder: str) -> str:
        """Write down what the reply means; gives the state of the parcel. After a failure the next one may send."""
        status = reply.status
        if status is None or status in _RETRYABLE or 500 <= status < 600:  # noqa: PLR2004 - RFC 9110, 15.6
            is_the_body = status is not None and status not in _RETRYABLE | _UNREACHED
            chance = self._randomness()
            self._ledger.retry(
                parcel,
                self._next_try(parcel.attempts, chance, reply),
                quiet_until=self._next_try(parcel.failures, chance, reply),
                alone=is_the_body and parcel.attempts + 1 >= _TRIES_TOGETHER,
                holder=holder,
            )
            if self._holder == holder:
                self._holder = None
            return "pending"
        if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
            self._ledger.mark_sent(parcel)
            return "sent"
        if status == _GONE:
            self._ledger.stop(self._user_agent)
        self._ledger.mark_dropped(parcel, "stopped" if status == _GONE else f"http_{status}")
        return "dropped"

    def _next_try(self, failures: int, chance: float, reply: Reply) -> float:
        """Backoff with full jitter, from one second doubling to 15 minutes; never sooner than the server asks."""
        now = self._clock()
        backoff = min(_LONGEST_BACKOFF_SECONDS, 2.0 ** min(failures, 10)) * chance
        asked = retry_after_seconds(reply.retry_after, now) or 0.0
        return now + max(backoff, min(asked, _LONGEST_RETRY_AFTER_SECONDS))


def _waiting_for(parcel: Parcel | None) -> SendResult:
    """How a round ends where that one is the next, and not due."""
    return SendResult(ended="empty") if parcel is None else SendResult(ended="waiting", next_at=parcel.due_at)
