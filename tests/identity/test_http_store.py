from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.identity import FileStore, HTTPStore, SQLStore, installation_endpoint, resolve
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from otel_agent_telemetry.identity import Store

SECRET = "of-the-workers-0123456789"  # noqa: S105 - of no server but the test's
ID, MOMENT, KEY = "install_0123456789abcdef", "2026-11-21T22:00:00.000Z", "0f" * 32
DOCUMENT = {"telemetry_installation_id": ID, "telemetry_installed_at": MOMENT, "telemetry_reference_key": KEY}


@contextmanager
def served(store: Store, allowed: Callable[[], bool] | None = None, *, public: bool = False) -> Generator[str]:
    """The endpoint behind a real server; its address."""
    app = installation_endpoint(store, secret=SECRET, public=public, allowed=allowed)
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/telemetry/installation"
    finally:
        server.should_exit = True
        thread.join()


def test_endpoint_gives_the_identity(tmp_path: Path) -> None:
    """A worker that may touch no database gets its server's identity, key included."""
    store = FileStore(tmp_path, "acme-agents")
    of_server = resolve(store)
    with served(store) as url:
        of_worker = resolve(HTTPStore(url, secret=SECRET))
    assert of_worker is not None
    assert of_server is not None
    assert (repr(of_worker), of_worker.reference_key) == (repr(of_server), of_server.reference_key)


def test_endpoint_makes_nothing(tmp_path: Path) -> None:
    """Before the server has an identity, a worker has none either and none is made for it."""
    with served(FileStore(tmp_path, "acme-agents")) as url:
        assert (resolve(HTTPStore(url, secret=SECRET)), list(tmp_path.iterdir())) == (None, [])


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer of-the-workers-012345678", f"Basic {SECRET}"])
@pytest.mark.parametrize(("public", "expected"), [(False, (401, dict[str, str]())), (True, (200, {**DOCUMENT}))])
def test_endpoint_for_others(
    tmp_path: Path,
    authorization: str | None,
    public: bool,  # noqa: FBT001 - a parameter
    expected: tuple[int, Any],
) -> None:
    """Who does not prove to be a worker gets nothing, or where it is public all but the key."""
    import requests

    store = FileStore(tmp_path, "acme-agents")
    for key, value in DOCUMENT.items():
        store.put_if_absent(key, value)
    headers = {} if authorization is None else {"Authorization": authorization}
    with served(store, public=public) as url:
        answer = requests.get(url, headers=headers, timeout=5)
    expected[1].pop("telemetry_reference_key", None)
    assert (answer.status_code, answer.json()) == expected


@pytest.mark.parametrize("secret", [None, "", "short", "x" * 15, "ä" * 20, "line\nbreak" * 3])
def test_endpoint_without_a_secret(tmp_path: Path, secret: str | None) -> None:
    """An endpoint without a secret is refused, with the words that make one."""
    with pytest.raises(SettingError, match=r"installation_endpoint\(secret=\) is .*secrets.token_urlsafe"):
        installation_endpoint(FileStore(tmp_path, "acme-agents"), secret=secret)


def test_endpoint_over_a_database(tmp_path: Path) -> None:
    """The endpoint works over a database that is opened in the thread which asks it."""
    store = SQLStore(lambda: sqlite3.connect(tmp_path / "service.db"))
    of_server = resolve(store)
    with served(store) as url:
        assert repr(resolve(HTTPStore(url, secret=SECRET))) == repr(of_server)


def test_endpoint_gives_nothing_else(tmp_path: Path) -> None:
    """The answer is three values and nothing else, not to be kept by anybody between."""
    import requests

    store = FileStore(tmp_path, "acme-agents")
    for key, value in {**DOCUMENT, "of-the-service": "secret"}.items():
        store.put_if_absent(key, value)
    with served(store) as url:
        answer = requests.get(url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=5)
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (200, DOCUMENT, "no-store")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_endpoint_is_read_only(method: str, tmp_path: Path) -> None:
    """Every method but GET is refused, and makes nothing."""
    import requests

    with served(FileStore(tmp_path, "acme-agents")) as url:
        answer = requests.request(method, url, timeout=5)
    assert (answer.status_code, answer.headers["allow"], list(tmp_path.iterdir())) == (405, "GET", [])


def test_endpoint_without_consent(tmp_path: Path) -> None:
    """Where telemetry is off the endpoint makes no identity, and its workers send nothing."""
    with served(FileStore(tmp_path, "acme-agents"), allowed=lambda: False) as url:
        assert (resolve(HTTPStore(url, secret=SECRET)), list(tmp_path.iterdir())) == (None, [])


def test_endpoint_with_a_broken_store(tmp_path: Path) -> None:
    """A store that fails is an answer of 503 and not an error in the host's server."""
    (tmp_path / "file").touch()
    with served(FileStore(tmp_path / "file", "acme-agents")) as url, pytest.raises(StoreError, match="status 503"):
        HTTPStore(url, secret=SECRET).get("telemetry_installation_id")


def test_asked_once(recorder: Recorder) -> None:
    """The server is asked once, with the headers that its authentication wants and no others of ours."""
    recorder.default = Answer(body=json.dumps(DOCUMENT).encode())
    store = HTTPStore(f"{recorder.url}/installation", headers={"Authorization": "Bearer of-the-host"})
    assert repr(resolve(store)) == f"Identity({ID!r}, installed_on='2026-11-21', ephemeral=False)"
    assert [(request.method, request.path, request.headers) for request in recorder.requests] == [
        (
            "GET",
            "/installation",
            (
                ("Host", f"127.0.0.1:{recorder.port}"),
                ("Authorization", "Bearer of-the-host"),
                ("Accept", "application/json"),
            ),
        )
    ]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=401),
        Answer(status=302, headers=(("Location", "/elsewhere"),)),
        Answer(body=b"no json"),
        Answer(body=b"[1, 2]"),
        Answer(body=b'{"telemetry_installation_id": 7}'),
        Answer(body=b'{"telemetry_installation_id": "install_x"}'),
        Answer(body=b'{"x": "' + b"x" * 100_000 + b'"}'),
    ],
)
def test_other_answers(answer: Answer, recorder: Recorder) -> None:
    """Any other answer is no identity: the worker sends nothing."""
    recorder.default = answer
    assert resolve(HTTPStore(recorder.url)) is None


def test_server_is_away() -> None:
    """A server that is not there is no identity."""
    with Recorder() as gone:
        url = gone.url
    with pytest.raises(StoreError, match=url):
        HTTPStore(url).get("telemetry_installation_id")
    assert resolve(HTTPStore(url)) is None


def test_server_hangs(recorder: Recorder) -> None:
    """A server that does not answer costs the given time and no more."""
    recorder.default = Answer(after=threading.Event())
    began = time.monotonic()
    assert resolve(HTTPStore(recorder.url, timeout=0.1)) is None
    assert time.monotonic() - began < 2


def test_never_writes() -> None:
    """A worker cannot write."""
    with pytest.raises(StoreError, match="made by the API server"):
        HTTPStore("https://api.example.org/").put_if_absent("telemetry_installation_id", ID)


@pytest.mark.parametrize("url", ["http://api.example.org/", "ftp://x/", "api.example.org", "https://u:secret@x/"])
def test_wrong_address(url: str) -> None:
    """An address that is neither https nor on this machine is refused, and a password in it not shown."""
    with pytest.raises(SettingError, match="HTTPStore url is") as caught:
        HTTPStore(url)
    assert "secret" not in str(caught.value)
