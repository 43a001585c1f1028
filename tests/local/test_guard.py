from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.made import Made, request
from tests.local.serving import JSON, PROTOBUF, Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-some-length"  # noqa: S105 - a test's own
BODY = request(Made()).SerializeToString()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Serving]:
    """A server that demands a token."""
    with Serving(tmp_path / "traces.sqlite", token=TOKEN) as serving:
        yield serving


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:4318", "", "10.0.0.1", "[::"]
)
@pytest.mark.parametrize("path", ["/", "/api/traces", "/v1/traces"])
def test_another_host_name_is_refused(server: Serving, host: str, path: str) -> None:
    """A page that points its own name at this machine gets nothing: DNS rebinding."""
    method = "POST" if path == "/v1/traces" else "GET"
    reply = server.send(method, path, BODY if method == "POST" else None, {"Host": host, "Content-Type": PROTOBUF})
    assert (reply.status, server.count("spans")) == (403, 0)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "127.8.8.8:99"])
def test_names_of_this_machine_pass(server: Serving, host: str) -> None:
    """Whatever names loopback is this machine."""
    assert server.send("GET", "/api/traces", None, {"Host": host}).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_another_origin_is_refused(server: Serving, origin: str) -> None:
    """A script of another site can neither read nor write."""
    assert server.send("GET", "/api/traces", None, {"Origin": origin}).status == 403
    assert server.post("/v1/traces", BODY, Origin=origin).status == 403
    assert server.count("spans") == 0


def test_its_own_origin_passes(server: Serving) -> None:
    """The page's own scripts may ask."""
    assert server.send("GET", "/api/traces", None, {"Origin": server.url}).status == 200


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {TOKEN}", f"bearer {TOKEN}"])
def test_without_the_token_nothing_is_taken_or_shown(guarded: Serving, authorization: str) -> None:
    """Where a token is demanded, data moves neither in nor out without it."""
    headers = {"Authorization": authorization} if authorization else {}
    asked = [guarded.send("GET", path, None, headers).status for path in ("/api/traces", "/api/live")]
    posted = guarded.send("POST", "/v1/traces", BODY, {"Content-Type": PROTOBUF, **headers}).status
    assert [*asked, posted, guarded.count("spans")] == [401, 401, 401, 0]


def test_with_the_token_any_host_name_passes(guarded: Serving) -> None:
    """The token holder may use whatever name the machine has in its network."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "box.lan:4318"}
    assert guarded.send("GET", "/api/traces", None, headers).status == 200
    assert guarded.send("POST", "/v1/traces", BODY, {**headers, "Content-Type": PROTOBUF}).status == 200


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/traces", "/nothing"])
def test_every_answer_keeps_the_page_to_itself(server: Serving, path: str) -> None:
    """No answer may be framed, sniffed, cached or read from another site, and no script from elsewhere runs."""
    headers = server.send("GET", path).headers
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in headers["content-security-policy"]
    assert "frame-ancestors 'none'; require-trusted-types-for 'script'" in headers["content-security-policy"]
    rest = ("x-content-type-options", "referrer-policy", "cross-origin-resource-policy", "cache-control")
    assert [headers[name] for name in rest] == ["nosniff", "no-referrer", "same-origin", "no-store"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path", ["/../_store.py", "/page/app.js", "/__init__.py", "/..%2f_store.py", "/.", "//etc/passwd"]
)
def test_only_the_pages_own_files_are_served(server: Serving, path: str) -> None:
    """No path leads to another file."""
    assert server.send("GET", path).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_do_not_exist(server: Serving, method: str) -> None:
    """There is GET to see and POST to send, and a preflight is not answered."""
    assert server.send(method, "/v1/traces").status == 501


def test_a_get_changes_nothing(server: Serving) -> None:
    """Asking for what is posted elsewhere is not found, and stores nothing."""
    assert [server.send("GET", path).status for path in ("/v1/traces", "/v1/events")] == [404, 404]
    assert server.post("/api/traces", b"{}", JSON).status == 404
