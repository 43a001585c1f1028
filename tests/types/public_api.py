"""What a type checker must accept of the public API, and what it must refuse. Checked by pyright, never run."""

from __future__ import annotations

import asyncio.subprocess
import subprocess
from collections.abc import AsyncGenerator, Generator
from typing import Any

from typing_extensions import assert_type

import otel_agent_telemetry as telemetry


def configured() -> None:
    """Settings are keyword arguments with plain types."""
    telemetry.configure(
        product="acme-agents",
        version="2.3.0",
        source="api-server",
        environment="staging",
        endpoint="https://telemetry.example/v1/events",
        dialect="proxy",
        state_dir="state",
        store=telemetry.FileStore("state", "acme-agents"),
        enabled=False,
        notice=False,
        opt_out_env="ACME_TELEMETRY",
        public_tools=("web_search",),
        public_agents=("planner",),
        public_models=("acme-1",),
        public_commands=("run",),
        tags={"channel": "beta"},
        api_key="public",
        batch=10,
        synchronous=True,
    )
    telemetry.configure("acme-agents")  # pyright: ignore[reportCallIssue] - settings are given by name
    telemetry.configure(port=80)  # pyright: ignore[reportCallIssue] - there is no such setting


def isolated() -> None:
    """A library has telemetry of its own, with the same calls."""
    own = telemetry.Telemetry(product="acme-client", enabled=True)
    with own.task("import") as task:
        assert_type(task, telemetry.Handle)
    assert_type(own.flush(), bool)
    telemetry.Telemetry()  # pyright: ignore[reportCallIssue] - a library says which product it is


def waited() -> None:
    """Flushing says whether all is out; a decision says which rule made it."""
    assert_type(telemetry.flush(), bool)
    assert_type(telemetry.shutdown(timeout_seconds=1), None)
    decision = telemetry.decision()
    assert_type((decision.enabled, decision.rule, decision.reason), tuple[bool, str, str])


def handled() -> None:
    """A lifecycle call is a context manager whose handle has an id and takes what became known."""
    with telemetry.session(agent="planner") as session, telemetry.task("research", priority=2) as task:
        assert_type((session.id, task.id), tuple[str | None, str | None])
        with telemetry.model_call("gpt-5.2", provider="openai") as call:
            call.record(input=1200, output=300, cost_usd=0.013)
        task.set(model="gpt-5.2")
        task.fail(ValueError("no"))
        task.fail("ValueError")
        task.cancel()


async def handled_later() -> None:
    """The same call works with ``async with``."""
    async with telemetry.tool("web_search", call_id="call-1") as tool:
        tool.cancel()


def driven_by_hand() -> None:
    """A handle starts and ends where callbacks come apart."""
    handle = telemetry.tool("web_search")
    handle.start(parent=telemetry.current_task(), make_current=False, at=1)
    handle.end(error=TimeoutError(), outcome="cancelled", at=2)


@telemetry.task("add")
def add(left: int, right: int) -> int:
    """Keep its signature when decorated."""
    return left + right


@telemetry.agent("planner")
async def plan(goal: str) -> list[str]:
    """Stay a coroutine function when decorated."""
    return [goal]


@telemetry.workflow("count")
def count() -> Generator[int, str, bool]:
    """Stay a generator when decorated."""
    return (yield 1) == "one"


@telemetry.session()
async def stream() -> AsyncGenerator[bytes]:
    """Stay an asynchronous generator when decorated."""
    yield b""


async def called() -> None:
    """Decorated functions keep their types."""
    assert_type(add(1, 2), int)
    add("1", 2)  # pyright: ignore[reportArgumentType] - the decorator keeps parameter types
    assert_type(await plan("rest"), list[str])
    assert_type(count(), Generator[int, str, bool])
    assert_type(stream(), AsyncGenerator[bytes, None])


def carried() -> None:
    """A task travels as a dictionary of strings."""
    carrier = telemetry.create_task("research", source="slack", priority=2, tags=["billing"])
    assert_type(carrier, dict[str, str])
    with telemetry.run_task(carrier, claimed=True) as task:
        assert_type(task.id, str | None)
    telemetry.cancel_task(carrier, previous_status="pending")
    telemetry.cancel_task("task-1")
    telemetry.supersede_task(carrier, reason="context_limits")
    assert_type(telemetry.child_environment(), dict[str, str])


def counted() -> None:
    """What has no duration is one call."""
    telemetry.record_tokens("gpt-5.2", input=1200, output=300, cost_usd=0.013)
    telemetry.record_tokens("gpt-5.2", input="many")  # pyright: ignore[reportArgumentType] - tokens are numbers
    telemetry.track("import.finished", rows=3)
    telemetry.track_command("run", is_success=False)
    telemetry.track_tool("read_file", duration_ms=12.5, error=OSError(), agent="planner", session_id="s-1")
    telemetry.feedback("helpful", score=1, label="good", explanation="to the point", on=telemetry.tool("search"))
    telemetry.feedback(score=0.5, on={"traceparent": "00-"})
    telemetry.feedback(score="good")  # pyright: ignore[reportArgumentType] - a score is a number
    telemetry.server_started(port=8080)
    telemetry.server_shutdown(signal="SIGTERM", uptime_ms=10, sessions_processed=2)


async def coding_agents() -> None:
    """A coding agent is a process, of either kind; what it starts with is given by name."""
    with telemetry.harness(["codex", "exec", "--json"], task="review", read=True, cwd="project") as process:
        assert_type(process, subprocess.Popen[Any])
    async with telemetry.harness(["codex", "exec"], env={"A": "b"}) as running:
        assert_type(running, asyncio.subprocess.Process)
    telemetry.harness(["codex"], "review")  # pyright: ignore[reportCallIssue] - what is more than the command is named
