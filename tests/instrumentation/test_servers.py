"""uvicorn, gunicorn and Flask's server, and ASGI applications under a server that has no module of its own."""

from __future__ import annotations

import os
from signal import SIGHUP, SIGINT, SIGTERM
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.semconv import AGENT_EVENT_PROPERTY
from tests.instrumentation.program import Program, answers, needs
from tests.network import reserved_port

if TYPE_CHECKING:
    from pathlib import Path

needs("uvicorn", "fastapi")


def serve(home: Path, *command: str, started: int = 1) -> tuple[Program, int]:
    """A server that started, took a connection and was stopped; and its port."""
    port = reserved_port()
    with Program(home=home) as program:
        child = program.start(*(word.replace("PORT", str(port)) for word in command))
        program.wait(lambda _: answers(port))
        program.wait(lambda _: program.printed().count("application starts") >= started)
        program.wait(lambda _: any(span.name == "server.started" for span in program.spans))
        program.stop(child)
    return program, port


def ports(program: Program) -> list[object]:
    """The ports of the servers that started, as the operator's spans have them: no event tells one."""
    attribute = f"{AGENT_EVENT_PROPERTY}port"
    return [span.attributes.get(attribute) for span in program.spans if span.name == "server.started"]


@pytest.mark.parametrize("extra", [(), ("--workers", "2"), ("--reload",)], ids=["one process", "workers", "reload"])
def test_uvicorn_is_one_server(tmp_path: Path, extra: tuple[str, ...]) -> None:
    """One server starts and stops once, with its port and the signal, whatever number of processes it has."""
    program, port = serve(tmp_path, "uvicorn", "web_app:app", "--port", "PORT", *extra)
    told = [(each["event"], each["source"], each["properties"]) for each in program.events]
    uptime = told[-1][2].pop("uptimeMs")
    assert told == [
        ("server.started", "api-server", {}),
        ("server.shutdown", "api-server", {"signal": "SIGTERM"}),
    ]
    assert ports(program) == [port]
    assert uptime > 0


def test_a_server_that_a_library_runs_is_none_of_the_programs(tmp_path: Path) -> None:
    """A script inside an installed library is named by that library alone; nothing is told of what it serves."""
    script, port = tmp_path / "site-packages" / "acme" / "agent.py", reserved_port()
    script.parent.mkdir(parents=True)
    script.write_text(f"import uvicorn, web_app\nuvicorn.run(web_app.app, port={port})\n")
    with Program(home=tmp_path) as program:
        child = program.start(str(script))
        program.wait(lambda _: answers(port))
        program.stop(child)
        assert program.printed().count("application stops") == 1
        assert program.counted() == {}


def test_a_server_that_cannot_start_says_nothing(tmp_path: Path) -> None:
    """Where the application's startup fails, no server started, and uvicorn's exit code is its own."""
    with Program(home=tmp_path) as program:
        assert program.run("uvicorn", "web_app:broken", "--port", str(reserved_port())) == 3
        assert program.counted() == {}


def test_hypercorn_is_one_server(tmp_path: Path) -> None:
    """Under a server without a module the application's lifespan speaks, for one of several workers."""
    needs("hypercorn")
    program, _ = serve(tmp_path, "hypercorn", "web_app:app", "--bind", "127.0.0.1:PORT", "--workers", "2", started=2)
    assert program.counted() == {"server.started": 1, "server.shutdown": 1}


@pytest.mark.parametrize("command", [("web_flask:app",), ("web_app:app", "-k", "asgi")], ids=["wsgi", "asgi"])
def test_gunicorn_is_one_server(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The master starts and stops once, with its port and the signal, also where it reloads its workers."""
    needs("gunicorn", "flask")
    port = reserved_port()
    with Program(home=tmp_path) as program:
        quick = ("--graceful-timeout", "5")  # a worker that is told to end before it listens to that waits for it
        child = program.start("gunicorn", *command, *quick, "--workers", "2", "--bind", f"127.0.0.1:{port}")
        program.wait(lambda _: program.printed().count("Booting worker") == 2)
        child.send_signal(SIGHUP)
        program.wait(lambda _: program.printed().count("Booting worker") == 4)
        program.wait(lambda _: answers(port))
        assert program.stop(child) == 0
    told = [(each["event"], each["source"], each["properties"]) for each in program.events]
    assert told.pop()[2].pop("signal") == "SIGTERM"
    assert (told, ports(program)) == ([("server.started", "api-server", {})], [port])


@pytest.mark.parametrize(("extra", "knows"), [((), True), (("--reload",), False)], ids=["one process", "reload"])
def test_flask_is_one_server(tmp_path: Path, extra: tuple[str, ...], *, knows: bool) -> None:
    """The development server starts and stops once; the process that watches for a reload does not know its port."""
    needs("flask")
    port = reserved_port()
    with Program(home=tmp_path) as program:
        child = program.start("flask", "--app", "web_flask", "run", "--port", str(port), *extra)
        program.wait(lambda _: any(span.name == "server.started" for span in program.spans))
        os.killpg(child.pid, SIGINT)
        child.wait(15)
    told = [(each["event"], each["source"], each["properties"]) for each in program.events]
    assert told.pop()[0] == "server.shutdown"
    assert (told, ports(program)) == ([("server.started", "api-server", {})], [port if knows else None])


@pytest.mark.parametrize(
    ("needed", "command", "number", "code"),
    [
        (("uvicorn",), ("uvicorn", "web_app:app", "--port", "PORT"), SIGTERM, -SIGTERM),
        (("gunicorn", "flask"), ("gunicorn", "web_flask:app", "--bind", "127.0.0.1:PORT"), SIGTERM, 0),
        (("hypercorn",), ("hypercorn", "web_app:app", "--bind", "127.0.0.1:PORT", "--workers", "0"), SIGTERM, 0),
        (("flask",), ("flask", "--app", "web_flask", "run", "--port", "PORT"), SIGINT, 0),
    ],
    ids=["uvicorn", "gunicorn", "asgi", "flask"],
)
def test_our_errors_stay_with_us(
    tmp_path: Path, needed: tuple[str, ...], command: tuple[str, ...], number: int, code: int
) -> None:
    """Where every call of ours raises, the server serves and stops as it does without us."""
    needs(*needed)
    port = reserved_port()
    with Program(home=tmp_path) as program:
        child = program.start("-m", "broken", *(word.replace("PORT", str(port)) for word in command))
        program.wait(lambda _: answers(port))
        child.send_signal(number)
        assert (child.wait(15), program.counted()) == (code, {})
        assert ("application stops" in program.printed()) is ("web_app:app" in command)
