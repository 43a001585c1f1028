from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import network
from tests.parts import absent
from tests.recorder import Answer, Recorder, Request


def test_a_test_cannot_leave_loopback() -> None:
    """A connection or a name look-up beyond loopback is refused and remembered."""
    with socket.socket() as client, pytest.raises(network.OutsideLoopbackError):
        client.connect(("192.0.2.1", 80))
    with pytest.raises(network.OutsideLoopbackError):
        socket.getaddrinfo("telemetry.example", 443)
    remembered, network.attempts[:] = list(network.attempts), []
    assert remembered == ["socket.connect '192.0.2.1'", "socket.getaddrinfo 'telemetry.example'"]


def test_a_reserved_port_is_for_its_server_alone() -> None:
    """A server that names it has it; the kernel gives it to nobody else, even where no other port is left."""
    port, range_option = network.reserved_port(), 51  # IP_LOCAL_PORT_RANGE, of ip(7)
    with socket.socket() as client:
        if sys.platform == "linux":
            with suppress(OSError):  # older than Linux 6.3
                client.setsockopt(socket.IPPROTO_IP, range_option, struct.pack("I", port << 16 | port))
                with pytest.raises(OSError, match="Address already in use"):
                    client.bind(("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname() == ("127.0.0.1", port)


def test_a_test_starts_with_an_empty_home() -> None:
    """The home folder is empty and no setting of the product is left in the environment."""
    left = [name for name in os.environ if name.startswith(("OTEL_", "AGENT_TELEMETRY_S"))]
    assert (list(Path.home().iterdir()), left) == ([], [])


def test_a_missing_part_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing part skips the test and names the command that brings it."""
    monkeypatch.delenv("REQUIRE_A_SERVER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a server is missing; get it with: apt-get install server"):
        absent("a server", "apt-get install server")


def test_a_required_part_that_is_missing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its REQUIRE variable set, a missing part fails the test."""
    monkeypatch.setenv("REQUIRE_A_SERVER", "1")
    with pytest.raises(pytest.fail.Exception, match="a server is missing"):
        absent("a server", "apt-get install server")


def test_the_recorder_keeps_what_was_sent(recorder: Recorder) -> None:
    """A request is kept with its header pairs in order and case, a chunked body put together."""
    client = HTTPConnection("127.0.0.1", recorder.port)
    client.putrequest("POST", "/v1/events?x=1", skip_host=True, skip_accept_encoding=True)
    for name, value in (pairs := (("b", "2"), ("X-A", "1"), ("b", "3"), ("Transfer-Encoding", "chunked"))):
        client.putheader(name, value)
    client.endheaders([b"one ", b"two"], encode_chunked=True)
    assert client.getresponse().status == 200
    client.close()
    assert recorder.wait(1) == [Request("POST", "/v1/events?x=1", pairs, b"one two")]


def test_the_recorder_answers_as_told() -> None:
    """Scripted answers are given in order, then the default one."""
    script = (Answer(503, (("Retry-After", "7"),)), Answer(200, body=b"yes"))
    with Recorder(*script, default=Answer(204)) as recorder:
        client = HTTPConnection("127.0.0.1", recorder.port)
        answers: list[tuple[int, str | None, bytes]] = []
        for _ in range(3):
            client.request("GET", "/")
            answer = client.getresponse()
            answers.append((answer.status, answer.getheader("Retry-After"), answer.read()))
        client.close()
    assert answers == [(503, "7", b""), (200, None, b"yes"), (204, None, b"")]
