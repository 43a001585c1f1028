"""Threads, forks, spawned processes and event loops: every event is there, once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.lifecycle.acme import stored
from tests.lifecycle.programs import ROOT, allowed, environment, run
from tests.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

WORK = """
    import os, sys
    import otel_agent_telemetry as telemetry

    def work(first, count):
        for port in range(first, first + count):
            telemetry.server_shutdown(sessions_processed=port)
"""


def told(folder: Path) -> Counter[int]:
    """How often each number was told."""
    return Counter(json.loads(body)["properties"]["sessionsProcessed"] for body in stored(folder))


def once(count: int) -> dict[int, int]:
    """Each number once."""
    return dict.fromkeys(range(count), 1)


def test_threads(tmp_path: Path) -> None:
    """Eight threads that tell 200 events each lose none."""
    program = """
    from threading import Thread

    telemetry.configure()
    threads = [Thread(target=work, args=(200 * number, 200)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    """
    run(WORK + program, variables=allowed(tmp_path))
    assert told(tmp_path) == once(1600)


def test_asyncio(tmp_path: Path) -> None:
    """Eight tasks of an event loop that run 50 tools each lose none, and none has another's session."""
    program = """
    import asyncio

    async def serve(number):
        async with telemetry.session(id=str(number)):
            for _ in range(50):
                async with telemetry.tool("t"):
                    await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*map(serve, range(8)))

    telemetry.configure()
    asyncio.run(main())
    """
    run(WORK + program, variables=allowed(tmp_path))
    bodies = [json.loads(body) for body in stored(tmp_path)]
    tools = Counter(body["properties"]["sessionId"] for body in bodies if body["event"] == "tool.called")
    assert sorted(tools.values()) == [50] * 8


@pytest.mark.parametrize(
    "before", ["", "work(100, 10)", "work(100, 10); telemetry.flush(0)"], ids=["new", "used", "flushed"]
)
def test_forked_children(tmp_path: Path, before: str) -> None:
    """Forked children tell their own events and none of the parent's; the parent loses none of its own."""
    program = f"""
    telemetry.configure()
    {before}
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            work(number * 10, 10)
            os._exit(not telemetry.flush(30))
        children.append(child)
    codes = [os.waitpid(child, 0)[1] for child in children]
    work(40, 10)
    sys.exit(any(codes))
    """
    run(WORK + program, variables=allowed(tmp_path))
    assert told(tmp_path) == {**once(50), **(dict.fromkeys(range(100, 110), 1) if before else {})}


def test_a_child_that_exits_by_itself(tmp_path: Path) -> None:
    """A forked child that ends as a program does has its events kept without a flush."""
    program = """
    telemetry.configure()
    work(0, 5)
    child = os.fork()
    if child == 0:
        work(5, 5)
        sys.exit()
    os.waitpid(child, 0)
    """
    run(WORK + program, variables=allowed(tmp_path))
    assert told(tmp_path) == once(10)


def test_a_fork_inside_a_session(tmp_path: Path) -> None:
    """A session that is open when the process forks is the parent's: it starts once and ends once."""
    program = """
    telemetry.configure()
    with telemetry.session():
        child = os.fork()
        if child == 0:
            with telemetry.tool("t"):
                pass
            telemetry.flush(0)
            os._exit(0)
        os.waitpid(child, 0)
    """
    run(WORK + program, variables=allowed(tmp_path))
    events = Counter(json.loads(body)["event"] for body in stored(tmp_path))
    assert events == {"session.started": 1, "tool.called": 1, "session.ended": 1}


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_a_forked_child_has_connections_of_its_own(tmp_path: Path, signal: str) -> None:
    """A child never writes to the connection on which its parent exports: their requests would mix."""
    program = """
    telemetry.configure()
    telemetry.record_tokens("m", input=1)
    telemetry.flush(10)
    child = os.fork()
    if child == 0:
        telemetry.record_tokens("m", input=1)
        telemetry.flush(10)
    else:
        os.waitpid(child, 0)
    os._exit(0)
    """
    with Recorder() as collector:
        run(WORK + program, variables={**allowed(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
        parent, *child = (each.client for each in collector.requests if each.path == f"/v1/{signal}")
    assert child
    assert parent not in child


MODULE = """
import multiprocessing, sys
import otel_agent_telemetry as telemetry

def work(first):
    if sys.argv[1] != "fork":
        telemetry.configure()
    for port in range(first, first + 10):
        telemetry.server_shutdown(sessions_processed=port)
    telemetry.flush(0)

if __name__ == "__main__":
    telemetry.configure()
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(10 * number,)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    work(30)
"""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(tmp_path: Path, method: str) -> None:
    """Processes of multiprocessing share one ledger and one installation, however they are started."""
    file = tmp_path / "service.py"
    file.write_text(MODULE, "utf-8")
    variables = environment(**allowed(tmp_path / "state"))
    done = subprocess.run([sys.executable, str(file), method], env=variables, cwd=ROOT, timeout=45, check=True)
    installations = {json.loads(body)["actor_anonymous_id"] for body in stored(tmp_path / "state")}
    assert (done.returncode, told(tmp_path / "state"), len(installations)) == (0, once(40), 1)
