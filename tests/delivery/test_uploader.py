from __future__ import annotations

import threading
from contextlib import closing
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.pipeline.sending._transport import Post, Reply, retry_after_seconds
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, Row
from otel_agent_telemetry.pipeline.sending.uploader import SendResult, Uploader
from tests.delivery.hostile import HostileServer, hangs
from tests.recorder import Answer, Recorder, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_800_000_000.0
DAY = 86_400.0
PRODUCT = "acme-agents/2.3.0"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of ledger and uploader."""
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Iterator[Ledger]:
    """A ledger in memory."""
    with closing(Ledger(None, clock=clock)) as opened:
        yield opened


def rows(count: int) -> list[Row]:
    """So many events."""
    return [("task.started", b'{"n":%d}' % n, "application/json", f"key-{n}", NOW) for n in range(1, count + 1)]


def uploader(ledger: Ledger, url: str, clock: Clock, *, batch: int = 1, api_key: str | None = None) -> Uploader:
    """An uploader whose jitter takes nothing off."""
    return Uploader(ledger, url, PRODUCT, api_key=api_key, batch=batch, clock=clock, randomness=lambda: 1.0)


def scripted(ledger: Ledger, clock: Clock, *replies: Reply) -> tuple[Uploader, list[Post]]:
    """An uploader over a transport that gives these replies, and what it was given."""
    posts: list[Post] = []
    left = iter(replies)

    def transport(post: Post) -> Reply:
        posts.append(post)
        return next(left)

    return Uploader(ledger, "https://x/", PRODUCT, clock=clock, randomness=lambda: 1.0, transport=transport), posts


def status(number: int | None, retry_after: str | None = None) -> Reply:
    """One reply."""
    return Reply(status=number, retry_after=retry_after)


def test_sends_all_in_order(ledger: Ledger, clock: Clock, recorder: Recorder) -> None:
    """What is pending goes out in order, one POST each, and the bodies are those of the ledger."""
    ledger.append(rows(3))
    assert uploader(ledger, recorder.url, clock).send_once() == SendResult(ended="empty", sent=3)
    assert [request.body for request in recorder.requests] == [entry.body for entry in ledger.events()]
    assert ledger.counts() == {"pending": 0, "sent": 3, "dropped": 0}


def test_request(ledger: Ledger, clock: Clock, recorder: Recorder) -> None:
    """A POST carries exactly these headers."""
    ledger.append(rows(1))
    uploader(ledger, f"{recorder.url}/v1/events", clock, api_key="public").send_once()
    assert recorder.requests == [
        Request(
            "POST",
            "/v1/events",
            (
                ("Host", f"127.0.0.1:{recorder.port}"),
                ("Content-Type", "application/json"),
                ("User-Agent", PRODUCT),
                ("Idempotency-Key", "key-1"),
                ("X-Api-Key", "public"),
                ("Content-Length", "7"),
            ),
            b'{"n":1}',
        )
    ]


def test_batch(ledger: Ledger, clock: Clock, recorder: Recorder) -> None:
    """A batch is one POST of newline-delimited JSON, the exact next body of the ledger."""
    ledger.append(rows(3))
    announced = ledger.next_body(batch=2)
    uploader(ledger, recorder.url, clock, batch=2).send_once()
    received = [(request.header("content-type"), request.body) for request in recorder.requests]
    assert received == [("application/x-ndjson", announced), ("application/json", b'{"n":3}')]


def test_batch_is_repeated_as_it_was(ledger: Ledger, clock: Clock, recorder: Recorder) -> None:
    """A batch that has to go again goes with the same members under the same key."""
    ledger.append(rows(2))
    recorder.answers.append(Answer(503))
    sender = uploader(ledger, recorder.url, clock, batch=10)
    sender.send_once()
    ledger.append(rows(1))
    clock.now += 1
    sender.send_once()
    first, _, second = recorder.requests
    assert (first.header("idempotency-key"), first.body) == (second.header("idempotency-key"), second.body)


@pytest.mark.parametrize("number", [200, 202, 204])
def test_taken(number: int, ledger: Ledger, clock: Clock) -> None:
    """Every 2xx means sent."""
    ledger.append(rows(1))
    sender, _ = scripted(ledger, clock, status(number))
    assert sender.send_once() == SendResult(ended="empty", sent=1)


@pytest.mark.parametrize("number", [None, 408, 429, 500, 503, 599])
def test_to_be_retried(number: int | None, ledger: Ledger, clock: Clock) -> None:
    """Busy and broken servers and networks are given time; nothing behind the event is tried meanwhile."""
    ledger.append(rows(2))
    sender, posts = scripted(ledger, clock, status(number))
    assert sender.send_once() == SendResult(ended="waiting", next_at=NOW + 1)
    assert sender.send_once() == SendResult(ended="waiting", next_at=NOW + 1)
    assert (len(posts), ledger.counts()) == (1, {"pending": 2, "sent": 0, "dropped": 0})


def test_one_that_the_server_cannot_deal_with(ledger: Ledger, clock: Clock) -> None:
    """An event that is answered with 500 whenever it comes holds up no other, also none that comes later."""
    taken: list[bytes] = []

    def transport(post: Post) -> Reply:
        if post.body == b'{"n":1}':
            return status(500)
        taken.append(post.body)
        return status(200)

    ledger.append(rows(3))
    sender = Uploader(ledger, "https://x/", PRODUCT, clock=clock, randomness=lambda: 1.0, transport=transport)
    for _ in range(4):
        clock.now = sender.send_once().next_at or clock.now
    ledger.append([("task.started", b"late", "application/json", "key-late", NOW)])
    clock.now = sender.send_once().next_at or clock.now
    sender.send_once()
    assert (taken, ledger.counts()["pending"]) == ([b'{"n":2}', b'{"n":3}', b"late"], 1)


def test_one_of_a_batch_that_the_server_cannot_deal_with(ledger: Ledger, clock: Clock) -> None:
    """A batch that is answered with 500 three times goes event by event, and only the one is held up."""
    ledger.append(rows(3))
    sender = Uploader(
        ledger,
        "https://x/",
        PRODUCT,
        batch=3,
        clock=clock,
        randomness=lambda: 1.0,
        transport=lambda post: status(500 if b'{"n":2}' in post.body else 200),
    )
    for _ in range(8):
        clock.now = sender.send_once().next_at or clock.now
    assert ledger.counts() == {"pending": 1, "sent": 2, "dropped": 0}


@pytest.mark.parametrize("number", [301, 304, 307, 400, 401, 404, 413, 422, 600])
def test_refused_for_good(number: int, ledger: Ledger, clock: Clock) -> None:
    """Redirects and other refusals drop the event, by reason, and the next one is tried."""
    ledger.append(rows(2))
    sender, _ = scripted(ledger, clock, status(number), status(200))
    assert sender.send_once() == SendResult(ended="empty", sent=1, dropped=1)
    assert ledger.drops() == {f"http_{number}": 1}


def test_gone(ledger: Ledger, clock: Clock) -> None:
    """410 stops this version for good: nothing more is sent, and what comes later is dropped."""
    ledger.append(rows(2))
    sender, posts = scripted(ledger, clock, status(410))
    assert sender.send_once() == SendResult(ended="stopped", dropped=2)
    ledger.append(rows(1))
    assert sender.send_once() == SendResult(ended="stopped", dropped=1)
    assert (len(posts), ledger.drops()) == (1, {"stopped": 3})


def test_gone_is_of_one_version(ledger: Ledger, clock: Clock, recorder: Recorder) -> None:
    """The next version of the product sends again."""
    ledger.stop("acme-agents/2.2.0")
    ledger.append(rows(1))
    assert uploader(ledger, recorder.url, clock).send_once() == SendResult(ended="empty", sent=1)


def test_backoff(ledger: Ledger, clock: Clock) -> None:
    """Waits double from one second to fifteen minutes."""
    ledger.append(rows(1))
    sender, _ = scripted(ledger, clock, *[status(None)] * 12)
    waits: list[float] = []
    for _ in range(12):
        next_at = sender.send_once().next_at
        assert next_at is not None
        waits.append(next_at - clock.now)
        clock.now = next_at
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_full_jitter(ledger: Ledger, clock: Clock) -> None:
    """Chance takes anything up to all of the wait off."""
    ledger.append(rows(1))
    sender = Uploader(
        ledger, "https://x/", PRODUCT, clock=clock, randomness=lambda: 0.25, transport=lambda _: status(503)
    )
    assert sender.send_once() == SendResult(ended="waiting", next_at=NOW + 0.25)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("120", 120.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("-5", 1.0),
        ("soon", 1.0),
    ],
)
def test_retry_after(asked: str, wait: float, ledger: Ledger, clock: Clock) -> None:
    """The server's own wait is honoured, in seconds or as a date, up to one hour; nonsense is not."""
    ledger.append(rows(1))
    sender, _ = scripted(ledger, clock, status(429, asked))
    assert sender.send_once() == SendResult(ended="waiting", next_at=NOW + wait)


def test_retry_after_in_the_past() -> None:
    """A date that has gone by asks for no wait."""
    assert retry_after_seconds(formatdate(NOW - 90, usegmt=True), NOW) == 0.0


def test_given_up(ledger: Ledger, clock: Clock) -> None:
    """An event is given up 24 hours after its first try, and counted; one that waited untried is not."""
    ledger.append(rows(2))
    sender, _ = scripted(ledger, clock, status(503), status(200))
    sender.send_once()
    clock.now += DAY
    assert sender.send_once() == SendResult(ended="empty", sent=1)
    assert (ledger.counts(), ledger.drops()) == ({"pending": 0, "sent": 1, "dropped": 1}, {"gave_up": 1})


def test_consent_is_asked_before_each_post(ledger: Ledger, clock: Clock) -> None:
    """Consent that is withdrawn while sending stops it before the next POST."""
    ledger.append(rows(3))
    answers = iter([True, False])
    sender = Uploader(
        ledger, "https://x/", PRODUCT, clock=clock, allowed=lambda: next(answers), transport=lambda _: status(200)
    )
    assert sender.send_once() == SendResult(ended="refused", sent=1)
    assert ledger.counts() == {"pending": 2, "sent": 1, "dropped": 0}


def test_one_at_a_time(ledger: Ledger, clock: Clock) -> None:
    """While another one holds the lease nothing is sent."""
    ledger.append(rows(1))
    ledger.claim_next("another", lease_seconds=15)
    sender, posts = scripted(ledger, clock)
    assert (sender.send_once(), posts) == (SendResult(ended="busy", next_at=NOW + 15), [])


def test_a_second_sender_takes_nothing_from_the_first(ledger: Ledger, clock: Clock) -> None:
    """Where the host patches threads in the middle of a POST two threads send: the lease is given back all the same."""
    ended: list[str] = []

    def transport(_: Post) -> Reply:
        ended.append(sender.send_once().ended)
        return Reply(status=200)

    ledger.append(rows(2))
    sender = Uploader(ledger, "https://x/", PRODUCT, clock=clock, transport=transport)
    given = sender.send_once(goes_on=lambda: not ended)  # a thread of the older kind sends nothing more
    assert (given.sent, ended, ledger.lease_until()) == (1, ["busy"], None)


def test_lease_is_given_back(ledger: Ledger, clock: Clock) -> None:
    """After a round anybody may send."""
    ledger.append(rows(1))
    sender, _ = scripted(ledger, clock, status(503))
    sender.send_once()
    assert ledger.lease_until() is None


def test_leaving(ledger: Ledger, clock: Clock) -> None:
    """A process that leaves during a POST lets others send at once, and sends nothing more itself."""
    ledger.append(rows(2))
    leases: list[float | None] = []

    def transport(_: Post) -> Reply:
        sender.leave()
        leases.append(ledger.lease_until())
        return status(200)

    sender = Uploader(ledger, "https://x/", PRODUCT, clock=clock, transport=transport)
    assert (sender.send_once(), leases) == (SendResult(ended="refused", sent=1), [None])


def test_leaving_waits_for_an_answer_that_is_on_its_way(ledger: Ledger, clock: Clock) -> None:
    """A POST that has just begun when the process leaves gets the moment that its answer takes."""
    ledger.append(rows(1))
    begun, leaving = threading.Event(), threading.Event()

    def transport(_: Post) -> Reply:
        begun.set()
        leaving.wait(10)
        return status(200)

    sender = Uploader(ledger, "https://x/", PRODUCT, clock=clock, transport=transport)
    thread = threading.Thread(target=sender.send_once)
    thread.start()
    begun.wait(10)
    threading.Timer(0.05, leaving.set).start()
    sender.leave(10)
    assert ledger.counts()["sent"] == 1
    thread.join()


def test_time_is_up(ledger: Ledger, clock: Clock) -> None:
    """A round that may take so many seconds takes no more, and the event stays for the next one."""
    ledger.append(rows(2))
    with HostileServer(hangs) as server:
        result = uploader(ledger, server.url, clock).send_once(0.2)
    assert (result, len(server.received)) == (SendResult(ended="waiting", next_at=NOW + 1), 1)


def test_no_time_at_all(ledger: Ledger, clock: Clock) -> None:
    """Without time nothing is tried."""
    ledger.append(rows(1))
    sender, posts = scripted(ledger, clock)
    assert (sender.send_once(0.0), posts) == (SendResult(ended="out_of_time", next_at=NOW), [])


def test_nobody_listens(ledger: Ledger, clock: Clock) -> None:
    """A server that is not there is tried again later."""
    with Recorder() as gone:
        url = gone.url
    ledger.append(rows(1))
    assert uploader(ledger, url, clock).send_once() == SendResult(ended="waiting", next_at=NOW + 1)


def test_same_key_on_every_try(ledger: Ledger, clock: Clock, recorder: Recorder) -> None:
    """A second try carries the key of the first, so that the server can tell."""
    recorder.answers.append(Answer(500))
    ledger.append(rows(1))
    sender = uploader(ledger, recorder.url, clock)
    sender.send_once()
    clock.now += 1
    sender.send_once()
    assert [request.header("idempotency-key") for request in recorder.requests] == ["key-1", "key-1"]


def test_nothing_pending(ledger: Ledger, clock: Clock) -> None:
    """Where nothing is pending, nothing is done and nothing is to be waited for."""
    sender, _ = scripted(ledger, clock)
    assert sender.send_once() == SendResult(ended="empty")
