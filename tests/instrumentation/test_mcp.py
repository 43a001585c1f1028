"""MCP servers and clients over stdio and HTTP, in both protocol eras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, needs, run_plainly, takes_connections, tree
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs("mcp")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A client that called a working and a failing tool in four ways; three of its servers say who they are."""
    port = reserved_port()
    with Program(home=tmp_path_factory.mktemp("mcp")) as program:
        server = program.start("-m", "mcp_server", str(port))
        program.wait(lambda _: takes_connections(port))
        assert program.run("-m", "mcp_client", str(port)) == 0
        program.stop(server)
        yield program


def test_the_client_sees_its_tool_calls(story: Program) -> None:
    """Each call of a client is a tool call that knows whether the tool failed."""
    assert tree(story.spans, "execute_tool") == "\n".join(["execute_tool add ok", "execute_tool divide error"] * 4)


def test_sessions_are_those_of_the_protocol(story: Program) -> None:
    """A server has a session for each handshake, and none where the protocol has none."""
    assert story.counted("tool.", "server.") == {"session.started": 2, "session.ended": 2}


def test_each_side_reports_a_call_once(story: Program) -> None:
    """A call is one event of the client's and one of the server's, with its outcome."""
    outcomes = [each["properties"]["isSuccess"] for each in story.events if each["event"] == "tool.called"]
    assert (outcomes.count(True), outcomes.count(False)) == (8, 8)


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, client and server do what they do without us."""
    port = reserved_port()
    with Program(home=tmp_path) as program:
        program.start("-m", "broken", "mcp_server", str(port))
        program.wait(lambda _: takes_connections(port))
        expected = run_plainly("mcp_client", str(port), home=tmp_path).splitlines()[-4:]
        assert program.run("-m", "broken", "mcp_client", str(port)) == 0
        assert [line for line in program.printed().splitlines() if line.startswith(("legacy", "auto"))] == expected
