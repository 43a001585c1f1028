# ruff: noqa: T201 - it prints for its test
"""Starts a program called claude in one way, once inside a task."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import otel_agent_telemetry as telemetry

COMMAND = ["claude", "-p", "SECRET"]


async def with_asyncio() -> int | None:
    """Start it with asyncio, and wait for it."""
    process = await asyncio.create_subprocess_exec(*COMMAND)
    return await process.wait()


def terminated() -> int:
    """Start it, and stop it once it says that it is there."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, env={**os.environ, "SLEEPS": "1"}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
    return process.returncode


def by_us() -> int:
    """Start it with the call that is made for it."""
    with telemetry.harness(COMMAND) as process:
        pass
    return process.returncode


WAYS = {
    "run": lambda: subprocess.run(COMMAND, check=False, env={**os.environ, "OWN": "1"}).returncode,
    "popen": lambda: subprocess.Popen(COMMAND).wait(),
    "shell": lambda: subprocess.call("claude -p 'SECRET words'", shell=True),  # noqa: S602 - one of the ways
    "asyncio": lambda: asyncio.run(with_asyncio()),
    "terminated": terminated,
    "by us": by_us,
    "other": lambda: subprocess.run(["true"], check=False).returncode,
}
if hasattr(telemetry.task, "__self__"):
    with telemetry.task("job"):
        print(WAYS[sys.argv[1]]())
else:  # each call of ours raises
    print(WAYS[sys.argv[1]]())
