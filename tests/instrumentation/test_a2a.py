"""An A2A server and client over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import OURS, Program, needs, takes_connections, tree
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("a2a-sdk", "uvicorn")

TREES = {
    "complete": "session ok\n  task ok",
    "fail": "session error\n  task error",
    "wait": "session cancelled\n  task cancelled",
    "reply": "session ok\n  task ok",
    "ask": "session ok\n  task retried\nsession ok\n  task ok",
    "given up": "session ok\n  task retried",
}
PRINTED = """\
complete TASK_STATE_COMPLETED
fail InternalError
wait TASK_STATE_CANCELED
reply no task
ask TASK_STATE_INPUT_REQUIRED
go on TASK_STATE_COMPLETED
give up TASK_STATE_CANCELED"""


def talk(program: Program, *prefix: str) -> str:
    """What the client prints that gave a server a task of each kind."""
    port = reserved_port()
    server = program.start(*prefix, "a2a_server", str(port))
    program.wait(lambda _: takes_connections(port))
    before = len(program.printed())
    assert program.run(*prefix, "a2a_client", str(port)) == 0
    program.stop(server)
    words = tuple(line.partition(" TASK")[0] for line in PRINTED.splitlines())
    return "\n".join(line for line in program.printed()[before:].splitlines() if line.startswith(words))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server that was given a task of each kind, and its client."""
    with Program(home=tmp_path_factory.mktemp("a2a")) as program:
        talk(program, "-m")
        yield program


@pytest.mark.parametrize("name", TREES)
def test_a_task_ends_with_its_state(story: Program, name: str) -> None:
    """Each execution is a task in the session of its context; one that asks back has not ended."""
    spans = (span for span in story.spans if span.attributes.get("gen_ai.conversation.id") == name)
    assert tree(spans) == TREES[name]


def test_the_server_continues_the_client_s_trace(story: Program) -> None:
    """What the client asks for within a span of its own belongs to that trace."""
    (caller,) = [span for span in story.spans if span.name == "caller"]
    inside = [span.name for span in story.spans if span.scope == OURS and span.trace_id == caller.trace_id]
    assert inside == ["session", "task"] * 4


def test_the_sdk_s_own_noise_is_off(story: Program) -> None:
    """Besides ours, those of requests among them, there is only the span that the client made itself."""
    ours = {OURS, "otel_agent_instrumentation.web"}
    assert [span.name for span in story.spans if span.scope not in ours] == ["caller"]


def test_events_follow(story: Program) -> None:
    """Each task is created, started and ended once, however often it was asked to go on."""
    assert story.counted("session.", "server.") == {
        "task.created": 6,
        "task.started": 6,
        "task.completed": 3,
        "task.failed": 1,
        "task.cancelled": 2,
    }


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, the client gets the answers that it gets without us."""
    with Program(home=tmp_path) as program:
        assert talk(program, "-m", "broken") == PRINTED
