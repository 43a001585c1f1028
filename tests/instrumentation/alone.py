"""Each framework's programs where nothing but that framework is installed beside our two distributions.

``python -m tests.instrumentation.alone [--lock] [NAME...]`` makes an environment for each, or pins what it needs, and
runs the tests that drive it there. It says which versions ran; exit code 1 where a test failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.matrix.environments import OLDEST_PYTHON, REQUIREMENTS, Environment

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE = Path(__file__).parent
_AT_ONCE = 2
_ELSEWHERE = frozenset({"airflow", "prefect", "pymongo", "temporalio"})
"""They need a server that their own target brings, or minutes."""

TESTS = {
    "a2a": ("test_a2a.py",),
    "airflow": ("test_airflow.py",),
    "apscheduler": ("test_apscheduler.py",),
    "argparse": ("test_commands.py", "-k", "argparse"),
    "arq": ("test_arq.py",),
    "aws-lambda": ("test_aws_lambda.py",),
    "celery": ("test_celery.py",),
    "click": ("test_commands.py", "-k", "click"),
    "cyclopts": ("test_commands.py", "-k", "cyclopts"),
    "dbos": ("test_dbos.py",),
    "dramatiq": ("test_dramatiq.py",),
    "faststream": ("test_faststream.py",),
    "flask": ("test_servers.py", "-k", "flask and not gunicorn"),
    "gunicorn": ("test_servers.py", "-k", "gunicorn"),
    "huey": ("test_huey.py",),
    "hypercorn": ("test_servers.py", "-k", "hypercorn or asgi and not gunicorn"),
    "langgraph-plain": ("test_langgraph.py",),
    "mcp": ("test_mcp.py",),
    "openai-agents-plain": ("test_openai_agents.py",),
    "prefect": ("test_prefect.py",),
    "procrastinate": ("test_procrastinate.py",),
    "pymongo": ("test_pymongo.py",),
    "ray": ("test_ray.py",),
    "rq": ("test_rq.py",),
    "taskiq": ("test_taskiq.py",),
    "temporalio": ("test_temporalio.py",),
    "typer": ("test_commands.py", "-k", "typer"),
    "uvicorn": ("test_servers.py", "-k", "uvicorn or cannot_start"),
    "clients": ("test_clients.py",),
    "web": ("test_web.py",),
}
"""Environment -> what pytest is asked to run; the two that are plain are the matrix's."""


def environment(name: str) -> Environment:
    """The environment of that name."""
    own = _HERE / "requirements"
    return Environment(name, own if (own / f"{name}.in").exists() else REQUIREMENTS)


def passes(name: str) -> bool:
    """Whether the framework's tests pass in its environment, which is made first."""
    chosen = environment(name)
    chosen.make()
    versions = ", ".join(f"{each} {version}" for each, version in chosen.versions.items())
    file, *options = TESTS[name]
    variables = {**os.environ, "FRAMEWORK_PYTHON": str(chosen.python), "REQUIRE_ALL": "1"}
    command = [sys.executable, "-m", "pytest", "-q", str(_HERE / file), *options]
    done = subprocess.run(
        command, env=variables, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    sys.stdout.write(f"== {name}: {versions or 'nothing else installed'}\n{done.stdout}")
    sys.stdout.flush()
    return done.returncode == 0


def main(arguments: Iterable[str]) -> int:
    """Run, or lock, those that are named; without names all that need no server of their own."""
    parser = argparse.ArgumentParser(description="Drive each framework where it is alone.")
    parser.add_argument("names", nargs="*", choices=[*TESTS, []], metavar="NAME")
    parser.add_argument("--lock", action="store_true", help="pin what they need")
    parser.add_argument("--upgrade", action="store_true", help="with --lock: the newest versions")
    chosen = parser.parse_args([*arguments])
    names: list[str] = chosen.names or [name for name in TESTS if chosen.lock or name not in _ELSEWHERE]
    if chosen.lock:
        for each in map(environment, names):
            if each.folder != REQUIREMENTS:
                each.lock(upgrade=chosen.upgrade)
        return 0
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("the frameworks' environments need Python 3.11 or newer: these tests do not run\n")
        return 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failed = [name for name, passed in zip(names, pool.map(passes, names), strict=True) if not passed]
    sys.stdout.write(f"failed alone: {', '.join(failed)}\n" if failed else f"passed alone: {', '.join(names)}\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
