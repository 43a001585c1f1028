"""Each web framework under a real server: one span a request with all below it, one server that starts and stops."""

from __future__ import annotations

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import PYTHON, Program, answers, run_plainly
from tests.instrumentation.test_modules import methods
from tests.network import reserved_port
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from examples.scripted_model import ModelServer
    from tests.instrumentation.program import Span

pytestmark = pytest.mark.matrix
if sys.executable == PYTHON:
    absent("web", "make test-frameworks")

TRACE = "0af7651916cd43dd8448eb211c80319c"
PROMPT = "canary-4711"
INT = "/shop/items/<int:number>"
_CHUNK = 65536


@dataclass(frozen=True)
class Served:
    """One framework under one server: the command, and how the framework writes a route."""

    command: tuple[str, ...]
    item: str = "/shop/items/{number}"
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    stops_by: int = SIGTERM
    """Those without a handler for SIGTERM say that they stop after SIGINT."""


SERVERS = {
    "starlette on uvicorn": Served(("uvicorn", "with_starlette:app", "--port", "PORT"), "/shop/items/{number:int}"),
    "fastapi on uvicorn": Served(("uvicorn", "with_fastapi:app", "--port", "PORT")),
    "litestar on granian": Served(("granian", "--interface", "asgi", "--port", "PORT", "with_litestar:app")),
    "quart on hypercorn": Served(("hypercorn", "with_quart:app", "--bind", "127.0.0.1:PORT"), INT),
    "flask on waitress": Served(("waitress-serve", "--listen=127.0.0.1:PORT", "with_flask:app"), INT, stops_by=SIGINT),
    "sanic": Served(("sanic", "with_sanic:app", "--port", "PORT", "--single-process"), "/shop/items/<number:int>"),
    "aiohttp": Served(("-m", "with_aiohttp", "PORT"), r"/shop/items/{number}"),
    "django on gunicorn": Served(
        ("gunicorn", "with_django_server:wsgi", "--threads", "4", "--bind", "127.0.0.1:PORT"),
        INT,
    ),
    "django on uvicorn": Served(("uvicorn", "with_django_server:asgi", "--port", "PORT"), INT),
    "django runserver": Served(
        ("-m", "django", "runserver", "--noreload", "PORT"),
        INT,
        {"DJANGO_SETTINGS_MODULE": "with_django_settings"},
        SIGINT,
    ),
}


def ask(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    """What the server answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def hang_up(port: int, path: str) -> None:
    """Read the beginning of an answer, and go."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert connection.recv(_CHUNK)


def forest(spans: Iterable[Span]) -> list[str]:
    """Each trace as one line, names and outcomes from the root down; FastAPI's spans of its own steps are left out."""
    every = [span for span in spans if span.scope != "fastapi" or span.kind == "server"]
    by_id = {span.id: span for span in every}
    skipped = {span.id: span.parent_id for span in spans if span not in every}

    def parent(span: Span) -> str:
        above = span.parent_id
        while above in skipped:
            above = skipped[above]
        return above

    def line(span: Span) -> str:
        inner = [line(each) for each in every if parent(each) == span.id]
        return f"{span.name} {span.outcome}" + (f" ({', '.join(inner)})" if inner else "")

    return sorted(line(span) for span in every if parent(span) not in by_id)


BELOW = "session assistant ok (chat gpt-5-mini ok)"


@pytest.mark.parametrize("name", SERVERS)
def test_each_request_is_one_span(tmp_path: Path, model: ModelServer, name: str) -> None:
    """Two at once, a failure, a stream and a client that goes; health checks have none, a query string is not told."""
    served, port = SERVERS[name], reserved_port()
    variables = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model.url,
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "",
        **served.variables,
    }
    with Program(home=tmp_path, variables=variables) as program:
        child = program.start(*(word.replace("PORT", str(port)) for word in served.command))
        program.wait(lambda _: answers(port, "/healthz"), timeout=100)
        program.wait(lambda _: any(span.name == "server.started" for span in program.spans), timeout=40)
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(ask, (port, port), (f"/shop/items/1?q={PROMPT}", f"/shop/items/2?q={PROMPT}"))
            assert [(status, body.strip(b'"')) for status, body in both] == [(200, b"hello")] * 2
        assert ask(port, "/fails")[0] == 500
        assert ask(port, "/stream", traceparent=f"00-{TRACE}-b7ad6b7169203331-01") == (200, b"one hello ")
        hang_up(port, "/endless")
        program.wait(lambda _: requests(program, "GET /endless"), timeout=40)
        child.send_signal(served.stops_by)
        child.wait(60)
    told = [line for line in forest(program.spans) if "server." not in line]
    assert told == sorted(
        [
            *[f"GET {served.item} ok ({BELOW})"] * 2,
            "GET /fails error",
            f"GET /stream ok ({BELOW})",
            "GET /endless cancelled",
        ]
    ), program.printed()
    assert [span.trace_id for span in requests(program, "GET /stream")] == [TRACE]
    assert PROMPT.encode() not in b"".join(each.body for each in program.receiver.requests)
    assert [span.attributes["http.response.status_code"] for span in requests(program, f"GET {served.item}")] == [
        200,
        200,
    ]
    lives = {event: times for event, times in program.counted().items() if event.startswith("server.")}
    assert lives == {"server.started": 1, "server.shutdown": 1}


def requests(program: Program, name: str) -> list[Span]:
    """The server spans of that name."""
    return [span for span in program.spans if span.kind == "server" and span.name == name]


SEVERAL = {
    "granian": (
        ("granian", "--interface", "asgi", "--workers", "2", "--port", "PORT", "with_starlette:app"),
        "Started w",
    ),
    "hypercorn": (("hypercorn", "with_quart:app", "--workers", "2", "--bind", "127.0.0.1:PORT"), "Running on"),
    "sanic": (("sanic", "with_sanic:app", "--workers", "2", "--port", "PORT"), "Worker ready"),
    "runserver": (("-m", "django", "runserver", "PORT"), ""),
}
"""Server -> its command for several processes, and what each says when it is ready; ``runserver`` watches another."""


@pytest.mark.parametrize("name", SEVERAL)
def test_several_processes_are_one_server(tmp_path: Path, name: str) -> None:
    """A server starts and stops once, whatever number of processes it has."""
    (command, ready), port = SEVERAL[name], reserved_port()
    variables = {"DJANGO_SETTINGS_MODULE": "with_django_settings", "OPENAI_API_KEY": "none"}
    with Program(home=tmp_path, variables=variables) as program:
        child = program.start(*(word.replace("PORT", str(port)) for word in command))
        program.wait(lambda _: answers(port, "/healthz"), timeout=100)
        program.wait(lambda _: any(span.name == "server.started" for span in program.spans), timeout=40)
        program.wait(lambda _: program.printed().count(ready) >= 2, timeout=60)
        program.stop(child, timeout=60)
    assert program.counted("session.", "command.") == {"server.started": 1, "server.shutdown": 1}, program.printed()


CHANGED = {
    "web.aiohttp": methods("aiohttp.web_app:Application", "_handle"),
    "web.django": [
        *methods("django.core.handlers.wsgi:WSGIHandler", "__call__"),
        *methods("django.core.handlers.asgi:ASGIHandler", "__call__"),
        *methods("django.core.handlers.base:BaseHandler", "resolve_request"),
    ],
    "web.flask": methods("flask.app:Flask", "__call__"),
    "web.litestar": methods("litestar.app:Litestar", "__call__"),
    "web.quart": methods("quart.app:Quart", "__call__", "full_dispatch_request"),
    "web.sanic": methods("sanic.app:Sanic", "handle_request"),
    "web.starlette": [
        *methods("starlette.applications:Starlette", "__call__"),
        *methods("starlette.routing:Route", "handle"),
        *methods("fastapi.applications:FastAPI", "__call__"),
    ],
    "servers.aiohttp": [
        *methods("aiohttp.web_runner:TCPSite", "start"),
        *methods("aiohttp.web_runner:BaseRunner", "cleanup"),
    ],
    "servers.django": [
        "django.core.servers.basehttp:vars(WSGIServer).get('serve_forever')",
        "django.utils.autoreload:restart_with_reloader",
    ],
    "servers.granian": methods("granian.server.common:AbstractServer", "startup", "shutdown"),
    "servers.hypercorn": methods("hypercorn.asyncio.lifespan:Lifespan", "wait_for_startup", "wait_for_shutdown"),
    "servers.sanic": [
        *methods("sanic.worker.manager:WorkerManager", "run", "wait_for_ack"),
        "sanic.server.runners:_run_server_forever",
    ],
    "servers.waitress": methods("waitress.server:BaseWSGIServer", "run"),
}
"""Module -> expressions for what it changes."""


@pytest.mark.parametrize("module", CHANGED)
def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path, module: str) -> None:
    """Instrumented, each is another object; uninstrumented, the very same; and so a second time."""
    assert json.loads(run_plainly("hooked", module, *CHANGED[module], home=tmp_path)) == [True, True, True, True]
