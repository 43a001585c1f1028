"""The proxy as a process: what it takes, refuses, keeps once, deletes, and never keeps."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.maintainers.proxy import COMMAND, Proxy, read
from tests.maintainers.synthetic import Life

BODIES = [*Life(installations=2, days=6).bodies()][:60]
ONE = BODIES[0].replace(b'"2.4.0"', b'"2.3.0"')
LINES = {"Content-Type": "application/x-ndjson"}
COUNT = "SELECT COUNT(*) FROM events"


def counts(proxy: Proxy) -> dict[str, int]:
    """What the proxy counted."""
    return dict(proxy.rows("SELECT name, value FROM counts"))


def kept(proxy: Proxy) -> bytes:
    """All the bytes of its files."""
    return b"".join(file.read_bytes() for file in proxy.db.parent.iterdir())


def test_an_event_is_kept_before_it_is_acknowledged(proxy: Proxy) -> None:
    """Single and in lines, plain and gzip; the answer says how many were taken."""
    assert proxy.post(ONE) == (200, {"kept": 1, "dropped": 0})
    lines = b"\n".join(BODIES[1:30])
    assert proxy.ask("POST", "/v1/events", lines, LINES) == (200, {"kept": 29, "dropped": 0})
    packed = gzip.compress(b"\n".join(BODIES[30:]))
    assert proxy.ask("POST", "/v1/events", packed, {**LINES, "Content-Encoding": "gzip"})[0] == 200
    assert proxy.rows(COUNT) == [(60,)]


def test_silent_connections_keep_nobody_out(proxy: Proxy) -> None:
    """Many that send nothing, or no whole request, are ended and counted; one that has asked stays."""
    address = "127.0.0.1", urlsplit(proxy.url).port or 0
    with ExitStack() as stack:
        busy = stack.enter_context(closing(HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)))
        busy.request("GET", "/healthz")
        assert read(busy.getresponse())[0] == 200
        silent = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(300)]
        for connection in silent[::2]:
            connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: proxy\r\n")
        assert [connection.recv(1) for connection in silent] == [b""] * 300
        busy.request("POST", "/v1/events", ONE, {"Content-Type": "application/json"})
        assert read(busy.getresponse())[0] == 200
    assert proxy.end(signal.SIGTERM) == 0
    assert counts(proxy) == {"kept": 1, "too_slow": 300}


def test_an_event_that_comes_again_is_kept_once(proxy: Proxy) -> None:
    """By its key, alone or in a batch that is sent again; without a key each one counts."""
    for _ in range(3):
        proxy.post(ONE, Idempotency_Key="a")
        proxy.ask("POST", "/v1/events", b"\n".join(BODIES[1:5]), {**LINES, "Idempotency-Key": "b"})
    assert proxy.rows(COUNT) == [(5,)]
    proxy.post(ONE)
    proxy.post(ONE)
    assert proxy.rows(COUNT) == [(7,)]
    assert counts(proxy) == {"kept": 7, "repeated": 10}


def test_nothing_of_the_sender_is_kept(proxy: Proxy) -> None:
    """Neither address nor header nor undeclared field is in any file of the book; the moment is an hour."""
    said = json.loads(ONE) | {"note": "canary-field"}
    proxy.post(json.dumps(said).encode(), User_Agent="canary-agent", X_Forwarded_For="203.0.113.7", Cookie="canary=1")
    proxy.end(signal.SIGTERM)
    assert ONE.split(b'"actor_anonymous_id":"')[1][:24] in kept(proxy)
    assert [text for text in (b"canary", b"203.0.113.7", b"127.0.0.1") if text in kept(proxy)] == []
    assert [(hour * 3600) % 3600 for (hour,) in proxy.rows("SELECT arrived FROM events")] == [0]


HOSTILE: list[tuple[bytes, dict[str, str], int]] = [
    (b"", {}, 400),
    (b"{", {}, 400),
    (b"[" * 5000, {}, 400),
    (b"{\n{", LINES, 400),
    (b"", LINES, 400),
    (b"\x1f\x8b broken", {"Content-Encoding": "gzip"}, 400),
    (b"x" * (3 * 2**20), {}, 413),
    (gzip.compress(bytes(80 * 2**20), mtime=0), {"Content-Encoding": "gzip"}, 413),
    (b'{"event":"unheard.of"}', {}, 200),
    (b'{"a":1}\n{"b":2}\n', LINES, 200),
]


def test_hostile_bodies_are_dropped_and_counted(proxy: Proxy) -> None:
    """None is kept, none ends the proxy, each event of them has its reason."""
    assert [proxy.ask("POST", "/v1/events", *given[:2])[0] for given in HOSTILE] == [given[2] for given in HOSTILE]
    assert proxy.rows(COUNT) == [(0,)]
    assert counts(proxy) == {"not_json": 6, "too_large": 2, "unknown_event": 3}
    assert proxy.post(ONE)[0] == 200


def test_fields_that_are_dropped_are_counted(proxy: Proxy) -> None:
    """Of an event that is kept: those that nothing declares, and those that are not of their kind, in both dialects."""
    said = json.loads(next(body for body in BODIES if b'"tool.called"' in body))
    said |= {"note": "a", "environment": "b", "properties": {**said["properties"], "prompt": "c", "durationMs": "12"}}
    said["metadata"]["environment"] = "my own"
    assert proxy.post(json.dumps(said).encode()) == (200, {"kept": 1, "dropped": 0})
    assert counts(proxy) == {"kept": 1, "unknown_field": 3, "wrong_field": 2}
    record = {
        "user_uuid": said["actor_anonymous_id"],
        "version": "1.0",
        "prompt": "c",
        "tool_name": 7,
        "is_success": True,
    }
    told = {
        "event": "tool",
        "event_timestamp": 1_795_298_968_000,
        "source": "acme",
        "properties": {**record, "action": "call"},
    }
    assert proxy.post(json.dumps({"records": [told]}).encode(), "/events/v1/track")[1] == {"kept": 1, "dropped": 0}
    assert counts(proxy) == {"kept": 2, "unknown_field": 4, "wrong_field": 3}


def test_our_own_clients_send_nothing_that_is_dropped(proxy: Proxy) -> None:
    """Every field of what a product of ours sends is taken."""
    assert proxy.ask("POST", "/v1/events", b"\n".join(BODIES), LINES) == (200, {"kept": 60, "dropped": 0})
    assert counts(proxy) == {"kept": 60}


def test_a_version_that_is_to_stop_is_told_so(tmp_path: Path) -> None:
    """410 where all of a body is of such a version; of a mixed one the others are kept."""
    with Proxy(tmp_path / "book.sqlite", "--stop", "2.3.*") as proxy:
        newer = ONE.replace(b"2.3.0", b"2.4.0")
        assert proxy.post(ONE)[0] == 410
        assert proxy.ask("POST", "/v1/events", ONE + b"\n" + newer, LINES) == (200, {"kept": 1, "dropped": 1})
        assert counts(proxy) == {"kept": 1, "stopped": 2}


def test_one_connection_has_a_limit_that_others_do_not_feel(tmp_path: Path) -> None:
    """429 with Retry-After once ten seconds' worth is spent, and counted; nothing of it outlives the connection."""
    with Proxy(tmp_path / "book.sqlite", "--rate", "2") as proxy:
        with closing(HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)) as busy:
            statuses: list[int] = []
            for _ in range(30):
                busy.request("POST", "/v1/events", ONE, {"Content-Type": "application/json"})
                answer = busy.getresponse()
                answer.read()
                statuses.append(answer.status)
                if answer.status == 429:
                    assert int(answer.headers["Retry-After"]) >= 1
            assert 429 in statuses
        assert proxy.post(ONE)[0] == 200
        assert proxy.end(signal.SIGTERM) == 0
        assert counts(proxy) == {"kept": statuses.count(200) + 1, "too_fast": statuses.count(429)}


def test_nothing_of_a_deleted_installation_is_in_any_file(proxy: Proxy) -> None:
    """While the proxy goes on: neither in the book nor in its log, and not in the next report."""
    proxy.ask("POST", "/v1/events", b"\n".join(BODIES), LINES)
    names = {json.loads(body)["actor_anonymous_id"].encode() for body in BODIES}
    assert proxy.ask("GET", "/report.json")[0] == 200
    assert all(name in kept(proxy) for name in names)
    for name in names:
        proxy.ask("DELETE", f"/v1/events/{name.decode()}")
    assert [name for name in names if name in kept(proxy)] == []
    assert proxy.ask("GET", "/report.json")[0] == 404


def test_a_report_is_never_older_than_an_answer(proxy: Proxy) -> None:
    """Each event that has its 200, and each deletion, is in the next report, whatever was asked before."""
    other = ONE.replace(b"install_", b"ephemeral_")
    for number in range(1, 6):
        proxy.post(ONE)
        proxy.post(other)
        assert proxy.ask("GET", "/report.json")[1]["received"] == {"kept": 2 * number}
    for name, left in ((ONE, ["acme"]), (other, [])):
        proxy.ask("DELETE", f"/v1/events/{json.loads(name)['actor_anonymous_id']}")
        found = proxy.ask("GET", "/report.json")
        assert (found[1]["product"] == "acme" if left else found[0] == 404) is True


def test_an_installation_is_deleted_when_it_asks(proxy: Proxy) -> None:
    """All that it sent, at either path; another one's events stay."""
    proxy.ask("POST", "/v1/events", b"\n".join(BODIES), LINES)
    names = {json.loads(body)["actor_anonymous_id"] for body in BODIES}
    other = b"install_00000000000000aa"
    proxy.post(ONE.replace(next(iter(names)).encode(), other))
    for name in names:
        assert proxy.ask("DELETE", f"/events/v1/track/{name}")[0] == 200
    assert proxy.rows(
        "SELECT COUNT(*) FROM events JOIN installations ON installations.id = installation"
    ) == proxy.rows(COUNT)
    assert proxy.rows("SELECT name FROM installations") in ([(other.decode(),)], [])
    assert proxy.ask("DELETE", "/v1/events/jane")[0] == 400
    assert proxy.post(ONE)[0] == 200


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Of events that several clients send while the process is killed, each that got its 200 is in the book."""
    with Proxy(tmp_path / "book.sqlite") as proxy:
        acknowledged: list[int] = []

        def send(first: int) -> None:
            connection = HTTPConnection(urlsplit(proxy.url).netloc, timeout=20)
            for number in range(first, first + 2000):
                body = ONE.replace(b'"2.3.0"', b'"9.%d.%d"' % divmod(number, 1000))
                try:
                    connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
                    if read(connection.getresponse())[0] == 200:
                        acknowledged.append(number)
                except OSError:
                    return

        clients = [threading.Thread(target=send, args=(2000 * number,)) for number in range(4)]
        for client in clients:
            client.start()
        while len(acknowledged) < 400:
            clients[0].join(0.01)
        assert proxy.end(signal.SIGKILL) == -signal.SIGKILL
        for client in clients:
            client.join(20)
        kept = {text for (text,) in proxy.rows("SELECT text FROM words WHERE text LIKE '9.%'")}
        assert {"9.{}.{}".format(*divmod(number, 1000)) for number in acknowledged} <= kept


def test_sigterm_ends_it_with_all_that_it_took(tmp_path: Path) -> None:
    """Exit code 0, and the next start reads the same book."""
    with Proxy(tmp_path / "book.sqlite") as first:
        first.post(ONE)
        assert first.end(signal.SIGTERM) == 0
    with Proxy(tmp_path / "book.sqlite") as second:
        second.post(BODIES[1])
        assert second.rows(COUNT) == [(2,)]


def test_without_a_token_the_report_is_for_this_machine(proxy: Proxy) -> None:
    """Not for a page of another site, nor for who comes by a reverse proxy."""
    proxy.post(ONE)
    others = ({"Host": "evil.example"}, {"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"})
    for path in ("/", "/report.json"):
        assert [proxy.ask("GET", path, headers=headers)[0] for headers in ({}, *others)] == [200, 401, 401, 401]


def test_a_token_opens_the_report(tmp_path: Path) -> None:
    """As a bearer or as the password that a browser asks for; never to be read in the command line."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n", "utf-8")
    with Proxy(tmp_path / "book.sqlite", "--token-file", str(token)) as proxy:
        proxy.post(ONE)
        assert proxy.ask("GET", "/")[0] == 401
        assert proxy.ask("GET", "/", headers={"Authorization": "Bearer wrong-wrong-wrong-"})[0] == 401
        assert proxy.ask("GET", "/", headers={"Authorization": "Bearer 0123456789abcdef"})[0] == 200
        basic = {"Authorization": "Basic YW55Ym9keTowMTIzNDU2Nzg5YWJjZGVm"}
        assert proxy.ask("GET", "/", headers=basic)[0] == 200


SERVICE = """
import otel_agent_telemetry as telemetry
telemetry.configure(product="acme", version="2.4.0", source="worker", endpoint=ENDPOINT, dialect=DIALECT, notice=False)
with telemetry.task("nightly", source="queue"):
    pass
telemetry.shutdown(10)
"""


def test_a_product_sends_to_it_as_it_is(proxy: Proxy) -> None:
    """A program with our package and this endpoint, in either dialect: the life of its task is in the book."""
    send(proxy, "proxy", "/v1/events")
    send(proxy, "docker", "/events/v1/track")
    names = "SELECT text, COUNT(*) FROM events JOIN words ON words.id = event GROUP BY text ORDER BY text"
    assert proxy.rows(names) == [("task.completed", 2), ("task.created", 2), ("task.started", 2)]


def send(proxy: Proxy, dialect: str, path: str) -> None:
    """Run a program that does one task."""
    code = SERVICE.replace("ENDPOINT", repr(proxy.url + path)).replace("DIALECT", repr(dialect))
    environ = {**os.environ, "AGENT_TELEMETRY_ALLOW_IN_TESTS": "1"}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)


def test_forget_asks_the_maintainers(proxy: Proxy) -> None:
    """What came from the installation is deleted at both ends; where the proxy is gone, at neither."""
    send(proxy, "proxy", "/v1/events")
    words = [*COMMAND, "forget", "--product", "acme", "--yes", "--ask-maintainers"]
    asked = subprocess.run(words, capture_output=True, text=True, check=True)
    assert f"{proxy.url}/v1/events deleted what came from this installation" in asked.stderr
    assert proxy.rows(COUNT) == proxy.rows("SELECT COUNT(*) FROM installations") == [(0,)]
    send(proxy, "proxy", "/v1/events")
    proxy.end(signal.SIGTERM)
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "nothing was deleted here, so that you can ask again" in refused.stderr
    assert [path.name for path in Path(os.environ["HOME"]).rglob("telemetry_installation_id")] != []


def test_a_port_that_is_taken_is_named(proxy: Proxy, tmp_path: Path) -> None:
    """With the next command to try."""
    port = urlsplit(proxy.url).port
    ended = subprocess.run(
        [*COMMAND, "proxy", "--port", str(port), "--db", str(tmp_path / "other.sqlite")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "agent-telemetry proxy --port 0" in ended.stderr


def test_the_page_shows_one_of_several_products_and_why_there_is_none(proxy: Proxy) -> None:
    """The first without asking, any by its address; what is not there is said, and is 404 to programs."""
    assert "nothing has arrived yet" in proxy.ask("GET", "/")[1]
    assert proxy.ask("GET", "/report.json")[0] == 404
    for product in ("zulu", "alpha"):
        proxy.post(ONE.replace(b'"acme"', b'"%s"' % product.encode()))
    assert "<h1>alpha</h1>" in proxy.ask("GET", "/")[1]
    assert "<h1>zulu</h1>" in proxy.ask("GET", "/?product=zulu&funnel=&funnel=&funnel=&compare=")[1]
    wrong = ("product=other", "days=x", "funnel=a.b", "compare=1&compare=2", "funnel=a.b&funnel=c.d&funnel=e.f")
    assert [proxy.ask("GET", f"/report.json?{query}")[0] for query in wrong] == [404] * 5
    assert all('role="alert"' in proxy.ask("GET", f"/?{query}")[1] for query in wrong)


def test_the_page_ends_with_whoever_opened_it(proxy: Proxy) -> None:
    """Readers that leave at once, many of them, keep no other from the report, nor the proxy from its end."""
    proxy.post(ONE)
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0)) as leaving:
            leaving.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert "What arrived" in proxy.ask("GET", "/")[1]
    assert proxy.end(signal.SIGTERM) == 0
