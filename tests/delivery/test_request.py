from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from importlib import import_module
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_agent_telemetry._http import Answer, Client, NoAnswerError, exchange
from tests.delivery.hostile import (
    Behaviour,
    HostileServer,
    drips,
    drips_body,
    floods,
    hangs,
    hints_for_ever,
    never_shakes_hands,
    resets,
    says,
)
from tests.parts import absent
from tests.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = {"Content-Type": "application/json", "User-Agent": "acme-agents/2.3.0", "Idempotency-Key": "0f" * 16}
NOTHING = b"\r\n\r\n"  # what the server keeps of a connection that was closed without a word
OK = says("HTTP/1.1 200 OK\nContent-Length: 2", b"ok")


def post(url: str, seconds: float = 5.0, limit: int = 1024) -> Answer:
    """One POST of an empty JSON object."""
    return exchange("POST", url, headers=HEADERS, body=b"{}", seconds=seconds, limit=limit)


def test_wire() -> None:
    """The bytes on the wire are the given headers, Host and Content-Length, and the body."""
    with HostileServer(OK) as server:
        answer = post(server.url)
    assert answer == Answer(status=200, body=b"ok")
    assert server.received == [
        b"POST /v1/events HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"Content-Type: application/json\r\n"
        b"User-Agent: acme-agents/2.3.0\r\n"
        b"Idempotency-Key: 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\r\n"
        b"Content-Length: 2\r\n"
        b"\r\n"
        b"{}" % server.port
    ]


def names_sent(received: bytes) -> list[bytes]:
    """The names of the headers of a request."""
    return [line.partition(b":")[0] for line in received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]


ONLY = [b"Host", b"Content-Type", b"User-Agent", b"Idempotency-Key", b"Content-Length"]


def test_netrc_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in .netrc goes nowhere, not even where the server asks for one."""
    (tmp_path / ".netrc").write_text("default login bob password hunter2\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with HostileServer(says('HTTP/1.1 401 No\nWWW-Authenticate: Basic realm="x"\nContent-Length: 0')) as server:
        assert post(server.url).status == 401
    assert [names_sent(request) for request in server.received] == [ONLY]


def test_cookies_are_not_kept() -> None:
    """A cookie that a server sets does not come back to it."""
    with HostileServer(says("HTTP/1.1 200 OK\nSet-Cookie: track=abc\nContent-Length: 0")) as server:
        post(server.url)
        post(server.url)
    assert [names_sent(request) for request in server.received] == [ONLY, ONLY]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """A redirect is the answer; its target hears nothing and its endless body is not read."""
    with (
        Recorder() as target,
        HostileServer(says(f"HTTP/1.1 {status} Go\nLocation: {target.url}", b"x" * 100)) as server,
    ):
        assert post(server.url) == Answer(status=status, body=b"x" * 100)
    assert (len(server.received), target.requests) == (1, [])


def test_host_instrumentation_sees_nothing() -> None:
    """A host that traces its requests and carries baggage gets no span of ours, and nothing of its own gets out."""
    try:
        instrumentor = import_module("opentelemetry.instrumentation.requests").RequestsInstrumentor()
    except ImportError:
        absent("requests instrumentation", "pip install opentelemetry-instrumentation-requests")
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor.instrument(tracer_provider=provider)
    token = context.attach(baggage.set_baggage("user.email", "bob@corp.example"))
    try:
        with HostileServer(OK) as server, trace.use_span(provider.get_tracer("host").start_span("of the host")):
            post(server.url)
    finally:
        context.detach(token)
        instrumentor.uninstrument()
    assert [names_sent(request) for request in server.received] == [ONLY]
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("behaviour", [hangs, drips])
def test_time_is_up(behaviour: Behaviour) -> None:
    """A server that never comes to its point is cut off when the time is up, and its thread ends."""
    with HostileServer(behaviour) as server:
        began = time.monotonic()
        with pytest.raises(NoAnswerError):
            post(server.url, seconds=0.3)
        assert 0.3 <= time.monotonic() - began < 1.5
        assert ends(lambda: not threads_of_ours())


def test_said_before_the_answer() -> None:
    """Early hints and the like are no answer; a server that says nothing else gets no more time than another."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    with HostileServer(says("HTTP/1.1 102 Processing", hints * 3 + b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        assert post(server.url) == Answer(status=204)
    began = time.monotonic()
    with HostileServer(hints_for_ever) as server, pytest.raises(NoAnswerError):
        post(server.url, seconds=0.5)
    assert time.monotonic() - began < 5


def test_five_seconds() -> None:
    """Five seconds are the default."""
    with HostileServer(drips) as server:
        began = time.monotonic()
        with pytest.raises(NoAnswerError):
            post(server.url)
        assert 5.0 <= time.monotonic() - began < 6.5


def test_status_counts_without_its_body() -> None:
    """A status that came in time counts, whatever becomes of the body."""
    with HostileServer(drips_body) as server:
        assert post(server.url, seconds=0.3) == Answer(status=200)


def test_huge_body_is_not_read() -> None:
    """Of an endless body the first KiB is read and no more."""
    with HostileServer(floods) as server:
        assert post(server.url) == Answer(status=200, body=b"x" * 1024)


def test_slow_name_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that takes too long costs the given time, and what it says later does not send anything."""
    answers, look_up = threading.Event(), socket.getaddrinfo

    def slow(*query: Any, **options: Any) -> Any:
        answers.wait()
        return look_up(*query, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with HostileServer(OK) as server:
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.1 s"):
            post(server.url, seconds=0.1)
        answers.set()
        assert ends(lambda: not threads_of_ours())
    assert server.received in ([], [NOTHING])


def test_broken_off() -> None:
    """A connection that breaks is no answer."""
    with HostileServer(resets) as server, pytest.raises(NoAnswerError):
        post(server.url)


def test_nobody_listens() -> None:
    """A port that nobody listens on is no answer."""
    with HostileServer(OK) as server:
        pass
    with pytest.raises(NoAnswerError):
        post(server.url)


@pytest.mark.parametrize(
    "behaviour", [resets, says("HTTP/1.1 200 OK\nno colon in this line\nContent-Length: 0"), hangs]
)
def test_silence_in_the_log(behaviour: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a server does, nothing of INFO or above is logged anywhere."""
    caplog.set_level(logging.DEBUG)
    with HostileServer(behaviour) as server:
        with suppress(NoAnswerError):
            post(server.url, seconds=0.2)
        assert ends(lambda: not threads_of_ours())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO] == []


def test_retry_after() -> None:
    """Retry-After is given as it was written."""
    with HostileServer(says("HTTP/1.1 429 Slow\nRetry-After: 120\nContent-Length: 0")) as server:
        assert post(server.url) == Answer(status=429, retry_after="120")


def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is asked for a tunnel, and sees nothing but where it leads."""
    with HostileServer(says("HTTP/1.1 403 No\nContent-Length: 0")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(NoAnswerError):
            post("https://events.example/v1/events")
    assert proxy.received[0].startswith(b"CONNECT events.example:443 HTTP/1.")
    assert b"{" not in proxy.received[0]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_plain_text_takes_no_proxy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Plain HTTP goes to this machine alone: a proxy, which may be anywhere, never sees it."""
    with HostileServer(OK) as proxy, HostileServer(OK) as server:
        monkeypatch.setenv(name, f"http://user:secret@127.0.0.1:{proxy.port}")
        assert post(server.url.replace("127.0.0.1", "localhost")).status == 200
    assert (proxy.received, names_sent(server.received[0])) == ([], ONLY)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file, signed by itself."""
    openssl = which("openssl") or absent("openssl", "apt-get install openssl")
    folder = tmp_path_factory.mktemp("certificate")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([openssl, "req", "-x509", "-days", "2", *key, *subject, *files], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_server.load_cert_chain(certificate)
    return of_server


def test_certificates_of_the_environment(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company's own certificate authority in the environment is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with HostileServer(OK, tls=tls) as server:
        assert post(server.url) == Answer(status=200, body=b"ok")


def test_unknown_certificate(tls: ssl.SSLContext) -> None:
    """A certificate that nobody vouches for is no answer, and nothing is sent."""
    with HostileServer(OK, tls=tls) as server, pytest.raises(NoAnswerError):
        post(server.url)
    assert server.received == []


def test_missing_bundle(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle of certificates that is not there is no answer."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with HostileServer(OK, tls=tls) as server, pytest.raises(NoAnswerError, match="bundle"):
        post(server.url)


@pytest.mark.parametrize("behaviour", [never_shakes_hands, drips])
def test_time_is_up_over_tls(
    behaviour: Behaviour, tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is cut off like anything else, in the handshake and after it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with HostileServer(behaviour, tls=tls) as server:
        with pytest.raises(NoAnswerError):
            post(server.url, seconds=0.4)
        assert ends(lambda: not threads_of_ours())


def threads_of_ours() -> list[threading.Thread]:
    """The threads that make requests."""
    return [thread for thread in threading.enumerate() if thread.name == "agent-telemetry-request"]


def ends(condition: object, seconds: float = 5.0) -> bool:
    """Whether that becomes true in time."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def asked_of(client: Client, url: str) -> Answer:
    """One POST of that client."""
    return client.exchange("POST", url, headers=HEADERS, body=b"{}")


def test_a_client_keeps_its_connection() -> None:
    """Requests of one client go over one connection, until it is closed."""
    client = Client()
    with Recorder() as recorder:
        for _ in range(3):
            asked_of(client, recorder.url)
        client.close()
        asked_of(client, recorder.url)
        client.close()
        ports = [request.client for request in recorder.requests]
    assert (len(set(ports[:3])), ports[3] in ports[:3]) == (1, False)


def test_a_client_goes_on_after_a_failure() -> None:
    """After a server that breaks the connection the next request has one of its own."""
    client = Client()
    with HostileServer(resets) as server, pytest.raises(NoAnswerError):
        asked_of(client, server.url)
    with HostileServer(OK) as server:
        assert asked_of(client, server.url).status == 200
    client.close()
