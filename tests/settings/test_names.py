"""What a program is called that says nothing of itself."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from otel_agent_telemetry.pipeline.product import Names, running_names

COMMANDS = {
    "plain.py": "plain",
    "-m plain": "plain",
    "-Im package.plain --port 80": "package.plain",
    "-W ignore -X dev folder/service_2.py": "service_2",
    "-m package.__main__": "package",
    "-c pass": "python",
    "-": "python",
    "": "python",
    "a%20name.py": "a-20name",
    "bin/gunicorn -w 2 acme.web:app": "acme.web",
    "-m uvicorn --factory acme:create_app": "acme",
    "bin/celery -A acme.tasks worker": "acme.tasks",
    "bin/flask --app=hello.py run": "hello",
    "bin/dramatiq -p 4 acme.tasks": "acme.tasks",
    "bin/arq acme.worker.Settings": "acme.worker",
    "bin/rq worker": "rq",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_name_of_what_runs(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """A service is called after its script or module, or after what a server or a worker runs; the product never is."""
    monkeypatch.setattr(sys, "orig_argv", ["python", *command.split()])
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    assert running_names() == Names("agent-service", COMMANDS[command], None)


def test_a_program_of_a_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a distribution owns is that product, also before Python has begun with it."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "bin/jsonschema", "file.json"])
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    found = running_names()
    assert (found.product, found.service, found.version is None) == ("jsonschema", "jsonschema", False)
