"""``agent-telemetry doctor --host-state``: a program's state at its end, without telemetry and with it."""

from __future__ import annotations

import json
import re
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from otel_agent_telemetry.proof import DECLARED, compare
from tests.cli.command import Done, agent_telemetry

PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"
FRAMEWORKS = ",".join(entry.name for entry in entry_points(group="opentelemetry_instrumentor"))

SERVICE = """
    import asyncio, atexit, logging, random, signal, tempfile, threading
    import otel_agent_telemetry as telemetry

    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    atexit.register(print, "the program's own")
    with tempfile.TemporaryDirectory() as folder, open(folder + "/file", "w") as file:
        file.write("x")
    with telemetry.session(agent="planner"), telemetry.task("research"):
        telemetry.record_tokens("gpt-5.2", input=1)
    telemetry.flush(5)
    print(random.random())
    raise SystemExit(3)
"""
CHANGES = """
    import atexit, logging, os, random, signal, sys, threading, time, warnings
    import otel_agent_telemetry as telemetry

    if telemetry.decision().enabled:  # as an instrumentation would that does not keep to the rules
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        threading.Thread(target=time.sleep, args=(5,), name="worker", daemon=True).start()
        random.random()
        sys.excepthook = lambda *_: None
        atexit.register(len, "abc")
        file = open("left.txt", "w")
        os.environ["ACME"] = "1"
        os.umask(0o077)
        logging.root.addHandler(logging.StreamHandler())
        warnings.simplefilter("ignore", UserWarning)
        sys.setswitchinterval(0.5)
        os.getcwdb = lambda: b""
        print("hello")
        print("hello", file=sys.stderr)
        sys.exit(1)
"""


def host_state(tmp_path: Path, code: str, *options: str) -> Done:
    """Compare a program without and with telemetry, without the time that importing frameworks takes."""
    file = tmp_path / "program.py"
    file.write_text(dedent(code).replace("left.txt", str(tmp_path / "left.txt")))
    quiet = "error,ignore::ResourceWarning"  # the OTLP exporter leaves its last connection open
    given = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": FRAMEWORKS, "PYTHONWARNINGS": quiet}
    return agent_telemetry("doctor", "--host-state", *options, "--", file, **given)


def test_a_service(tmp_path: Path) -> None:
    """A service with telemetry has nothing changed in it but what is declared; its exit code is its own."""
    done = host_state(tmp_path, SERVICE)
    rows = {tuple(re.split(r"  +", line)[:2]) for line in done.out.splitlines()}
    assert (done.code, done.err, done.out.splitlines()[-1]) == (0, "", "changed: nothing but what is declared")
    assert {("threads", "declared"), ("signal handlers", "same"), ("random", "same"), ("exit code", "same")} <= rows


def test_whatever_is_changed_is_seen(tmp_path: Path) -> None:
    """Each thing that changes in a program only when telemetry is on is told."""
    done = host_state(tmp_path, CHANGES, "--json")
    compared = {each["what"]: each for each in json.loads(done.out)["compared"]}
    same = {what for what, each in compared.items() if each["verdict"] != "changed"}
    assert (done.code, same) == (1, {"timers", "modules", "import system"})
    assert compared["threads"]["changed"] == ["+ worker"]
    assert compared["exit code"]["changed"] == ["0 -> 1"]
    assert any(each.startswith("os.getcwdb: built in posix.getcwdb -> ") for each in compared["callables"]["changed"])


def test_a_program_that_leaves_no_state(tmp_path: Path) -> None:
    """A program that ends by ``os._exit`` cannot be looked at, which is said, with an exit code of its own."""
    done = host_state(tmp_path, "import os\nos._exit(5)\n")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(
        "agent-telemetry: the command left no state (exit code 5): it has to be a Python program"
    )


def test_a_command_is_needed() -> None:
    """``--host-state`` without a command, and a command without it, is wrong use."""
    words = "--host-state and a command go together: agent-telemetry doctor --host-state -- COMMAND."
    for arguments in (["--host-state"], ["--", "true"]):
        done = agent_telemetry("doctor", *arguments)
        assert (done.code, done.out, words in done.err) == (2, "", True)


SAME: dict[str, Any] = {"modules": ["os"], "random": "a", "threads": ["MainThread"]}


@pytest.mark.parametrize(
    ("given", "again", "verdict"),
    [
        ({}, None, "same"),
        ({"threads": ["MainThread", "agent-telemetry"]}, None, "declared"),
        ({"threads": ["MainThread", "worker"]}, None, "changed"),
        ({"threads": []}, None, "changed"),
        ({"threads": ["MainThread", "Thread-7"]}, {"threads": ["MainThread", "Thread-9"]}, "varies"),
        ({"threads": ["MainThread", "Thread-7"]}, {}, "changed"),
    ],
)
def test_verdicts(given: dict[str, Any], again: dict[str, Any] | None, verdict: str) -> None:
    """What is declared may come; nothing may go; what two runs without telemetry disagree on cannot be told."""
    compared = compare(SAME, {**SAME, **given}, None if again is None else {**SAME, **again})
    assert [each.verdict for each in compared if each.what == "threads"] == [verdict]


def test_what_comes_with_an_import() -> None:
    """What an imported module adds is declared where telemetry is who imported it, and not where the program did."""
    without = {"modules": ["os"], "logging": []}
    given = {"modules": ["os", "urllib3"], "logging": ["urllib3: level 0, ['logging.NullHandler']"]}
    assert [each.verdict for each in compare(without, given, None)] == ["declared", "declared"]
    assert compare({**without, "modules": given["modules"]}, given, None)[1].verdict == "changed"


def test_the_declared_list_is_documented() -> None:
    """docs/guarantees.md names each thing that may change, with its reason."""
    page = PAGE.read_text("utf-8")
    assert [
        (what, reason) for what, rows in DECLARED.items() for _, reason in rows if f"| {what} | {reason}" not in page
    ] == []
