from __future__ import annotations

import asyncio
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client, StdioServerParameters

from otel_agent_telemetry.cli._mcp_answers import LARGEST
from otel_agent_telemetry.local import Store
from tests.cli.command import COMMAND, agent_telemetry, environment, execute
from tests.local.made import START, Made, agent, chat, request, span_id, tool, trace_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mcp_types import CallToolResult

PROMPT = '[{"role": "user", "parts": [{"type": "text", "content": "where is my order?"}]}]'
RUN = (
    Made(name="run the shop", id=1, attributes={**agent(), "gen_ai.conversation.id": "talk-1"}),
    Made(name="chat gpt-fake", id=2, parent=1, start=5, end=60, attributes={**chat(), "gen_ai.input.messages": PROMPT}),
    Made(name="execute_tool search", id=3, parent=1, start=60, end=90, attributes=tool(), error=True),
)
OTHER = (
    Made(name="run the shop", id=1, attributes=agent()),
    Made(name="chat gpt-dear", id=2, parent=1, start=5, end=90, attributes=chat("gpt-dear", 200)),
)
TOOLS = ["list_traces", "search", "show_trace", "compare", "usage", "errors", "sessions", "sql"]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A store with two traces, of which one failed."""
    path = tmp_path / "traces.sqlite"
    with closing(Store(path)) as store:
        made = request(*RUN)
        made.resource_spans[0].scope_spans[0].spans[2].status.message = "no such index"
        store.add_spans(made)
        store.add_spans(request(*OTHER, trace=2, start_ns=START + 10**9))
    return path


def called(db: Path, *calls: tuple[str, dict[str, Any]], options: Sequence[str] = ()) -> list[CallToolResult]:
    """What a server in a process of its own answers to the SDK's client."""
    arguments = [*COMMAND[1:], "mcp", "--db", str(db), *options]
    parameters = StdioServerParameters(command=sys.executable, args=arguments, env=environment())

    async def ask() -> list[CallToolResult]:
        async with Client(parameters) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(ask())


def answers(db: Path, *calls: tuple[str, dict[str, Any]], options: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The structured answers, which their text says too."""
    found = called(db, *calls, options=options)
    assert [result.is_error for result in found] == [False] * len(calls), [result.content for result in found]
    structured: list[dict[str, Any]] = [dict(result.structured_content or {}) for result in found]
    assert [json.loads(getattr(result.content[0], "text", "")) for result in found] == structured
    return structured


def test_every_tool_is_read_only_and_says_what_it_answers(db: Path) -> None:
    """Names, annotations, and a schema of the answer; the server says how to begin."""
    parameters = StdioServerParameters(
        command=sys.executable, args=[*COMMAND[1:], "mcp", "--db", str(db)], env=environment()
    )

    async def listed() -> tuple[str, list[Any]]:
        async with Client(parameters) as client:
            return client.instructions or "", (await client.list_tools()).tools

    instructions, tools = asyncio.run(listed())
    assert [each.name for each in tools] == TOOLS
    assert {(each.annotations.read_only_hint, each.annotations.open_world_hint) for each in tools} == {(True, False)}
    assert all(each.description and each.output_schema for each in tools)
    assert "Begin with list_traces or errors" in instructions
    assert "model_calls(trace_id, span_id" in tools[-1].description


def test_answers_are_those_of_the_commands(db: Path) -> None:
    """Traces, a tree, use, sessions and a comparison are what `--json` prints."""
    listed, shown, used, talks, compared = answers(
        db,
        ("list_traces", {}),
        ("show_trace", {"trace": trace_id()}),
        ("usage", {"by": "model"}),
        ("sessions", {}),
        ("compare", {"a": trace_id(1), "b": trace_id(2)}),
    )
    printed = {
        name: json.loads(agent_telemetry(*name.split(), "--db", db, "--json").out)
        for name in ("traces", f"show {trace_id()}", "usage", "sessions", f"diff {trace_id(1)} {trace_id(2)}")
    }
    one, tree, use, sessions, diff = printed.values()
    assert listed == {"traces": one, "note": None}
    assert (shown["trace"], shown["spans"]) == (tree["trace"], tree["spans"])
    assert (shown["failures"], shown["content"], shown["note"]) == ({span_id(3): "no such index"}, None, None)
    assert used == {"rows": use, "note": None}
    assert talks == {"sessions": sessions, "note": None}
    assert compared == {**diff, "rows": [row for row in diff["rows"] if row["change"] != "same"], "note": None}


def test_traces_are_found_and_failures_grouped(db: Path) -> None:
    """By text with its spans, by fields, and by SQL; an error has its message."""
    text, fields, asked, none, failed, table = answers(
        db,
        ("search", {"text": "GPT-FAKE"}),
        ("search", {"tool": "search", "status": "error", "attributes": {"gen_ai.tool.name": "search"}}),
        ("search", {"query": "model:gpt-dear -error"}),
        ("search", {"service": "nobody"}),
        ("errors", {}),
        ("sql", {"query": "SELECT tool, count(*) AS n FROM tool_calls GROUP BY 1"}),
    )
    assert [(each["trace"]["trace_id"], each["span_ids"]) for each in text["matches"]] == [(trace_id(), [span_id(2)])]
    assert [each["trace"]["trace_id"] for each in fields["matches"]] == [trace_id()]
    assert [each["trace"]["trace_id"] for each in asked["matches"]] == [trace_id(2)]
    assert none == {"matches": [], "note": None}
    assert [(each["message"], each["occurrences"]) for each in failed["errors"]] == [("no such index", 1)]
    assert table == {"columns": ["tool", "n"], "rows": [["search", 1]], "note": None}


def test_content_needs_both_the_user_and_the_argument(db: Path) -> None:
    """Without --content it is refused with what to do; with it, only where it is asked for."""
    asked = ("show_trace", {"trace": trace_id(), "content": True})
    query = "SELECT count(*) FROM spans WHERE attributes LIKE '%where is my order%'"
    refused, also = called(db, asked, ("sql", {"query": query, "content": True}))
    for result in (refused, also):
        assert (result.is_error, "mcp --content` to allow it" in str(result.content)) == (True, True)
    said, plain, table, hidden = answers(
        db,
        asked,
        ("show_trace", {"trace": trace_id()}),
        ("sql", {"query": query, "content": True}),
        ("sql", {"query": query}),
        options=["--content"],
    )
    assert "where is my order?" in json.dumps(said["content"])
    assert "where is my order?" not in json.dumps(plain)
    assert (table["rows"], hidden["rows"]) == ([[1]], [[0]])


def test_what_is_wrong_is_said(db: Path) -> None:
    """The message is that of the command, for the model to read."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("show_trace", {"trace": "fee1dead"}),
        ("sql", {"query": "DELETE FROM spans"}),
        ("usage", {"since": "yesterday"}),
    ]
    says = ["the nearest are:", "only SELECT is possible", "'yesterday' is not a time"]
    found = called(db, *calls)
    assert [(result.is_error, word in str(result.content)) for result, word in zip(found, says, strict=True)] == [
        (True, True)
    ] * 3


def test_a_long_answer_is_cut_and_says_how_to_go_on(tmp_path: Path) -> None:
    """The pages together are the whole; none is longer than a model should read at once."""
    path = tmp_path / "long.sqlite"
    with closing(Store(path)) as store:
        many = [Made(name=f"step {number} {'x' * 200}", id=number, start=number) for number in range(1, 81)]
        store.add_spans(request(*many))
    seen: list[str] = []
    note: str | None = "offset=0."
    while note:
        offset = int(note.rpartition("offset=")[2].rstrip("."))
        (page,) = answers(path, ("show_trace", {"offset": offset, "limit": 500}))
        assert page["spans"]
        assert len(json.dumps(page["spans"])) < LARGEST * 1.2
        seen += [span["span_id"] for span in page["spans"]]
        note = page["note"]
    assert seen == [span_id(number) for number in range(1, 81)]


def test_without_the_extra_it_says_which(db: Path) -> None:
    """One line with the command that brings it."""
    hiding = "import sys; sys.modules['mcp'] = None; from otel_agent_telemetry.cli import main; main()"
    done = execute([sys.executable, "-c", hiding, "mcp", "--db", str(db)], environment())
    assert done.code == 2
    assert done.err.endswith("get it with: pip install 'otel-agent-telemetry[mcp]'\n")
