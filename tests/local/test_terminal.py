from __future__ import annotations

import json
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import Store
from tests.cli.command import COMMAND, agent_telemetry, environment
from tests.local.made import Made, agent, chat, request, tool, trace_id

if TYPE_CHECKING:
    from pathlib import Path

LONG = "look up the order of the customer in the archive of last year"
TWICE = {**chat(), "gen_ai.response.id": "r1"}
RUN = (
    Made(name="run the shop · Köln", id=1, attributes=agent("helper 東"), error=True),
    Made(name="chat gpt-fake", id=2, parent=1, start=5, end=60, attributes=TWICE),
    Made(name="POST /v1/chat", id=3, parent=2, start=6, end=59, attributes=TWICE),
    Made(name=LONG, id=4, parent=1, start=60, end=90, attributes=tool(), error=True),
    Made(name="sum up", id=5, parent=1, start=90, end=95),
)
MESSAGE = "no order 7 in the archive"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A store with a trace whose tool failed, and whose run tells so again."""
    made = request(*RUN)
    for span in made.resource_spans[0].scope_spans[0].spans:
        if span.status.code:
            span.status.message = MESSAGE
    path = tmp_path / "traces.sqlite"
    with closing(Store(path)) as store:
        store.add_spans(made)
        store.add_spans(request(Made(name="alone"), trace=2))
    return path


def at_terminal(*arguments: object, columns: int = 80) -> list[str]:
    """The lines of a command at a terminal of that width."""
    script = ["script", "-qec", " ".join([*COMMAND, *map(str, arguments)]), "/dev/null"]
    variables = environment(COLUMNS=columns, TERM="xterm")
    done = subprocess.run(script, env=variables, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.decode().splitlines()


def plain(line: str) -> str:
    """A line without its colours."""
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m"):
        line = line.replace(code, "")
    return line


def test_the_span_is_the_last_to_give_way(db: Path) -> None:
    """At 80 columns a long name stands in full, and less important columns go; at 40 it is cut."""
    wide = [plain(line) for line in at_terminal("show", trace_id(), "--db", db)]
    narrow = [plain(line) for line in at_terminal("show", trace_id(), "--db", db, columns=40)]
    assert next(line for line in wide if LONG in line) == f"├─ {LONG}  error"
    assert max(map(len, narrow[2:])) <= 40
    assert narrow[2].split() == ["SPAN", "STATUS"]


def test_a_failure_has_its_message_once(db: Path) -> None:
    """Below the span where it began, and not again at those around it."""
    shown = agent_telemetry("show", trace_id(), "--db", db).out.splitlines()
    at = next(index for index, line in enumerate(shown) if LONG in line)
    assert shown[at + 1] == f"│    ✗ {MESSAGE}"
    assert sum(MESSAGE in line for line in shown) == 1


def test_errors_have_their_messages_however_narrow_it_is(db: Path) -> None:
    """Below each at a terminal, in a column in a pipe."""
    for columns in (60, 80, 120):
        seen = [plain(line) for line in at_terminal("errors", "--db", db, columns=columns)]
        assert (seen[2], max(map(len, seen)) <= columns) == (f"  {MESSAGE}", True)
    (_, piped) = agent_telemetry("errors", "--db", db).out.splitlines()
    assert piped.endswith(f"  {MESSAGE}")


def test_a_span_that_repeats_is_marked_and_dim(db: Path) -> None:
    """A pipe gets the mark, a terminal also the style."""
    (piped,) = [line for line in agent_telemetry("show", trace_id(), "--db", db).out.splitlines() if "repeats" in line]
    (seen,) = [line for line in at_terminal("show", trace_id(), "--db", db) if "repeats" in line]
    assert piped.startswith("├─ chat gpt-fake (repeats)")
    assert seen.startswith("\x1b[2m├─ chat gpt-fake (repeats)")


@pytest.mark.parametrize("command", ["export", "show {trace} --json", "sql 'SELECT * FROM spans' --csv"])
def test_a_reader_may_go_early(tmp_path: Path, command: str) -> None:
    """Nothing is said of it, and the exit code is that of a program which SIGPIPE ended, as `head` lets others end."""
    path = tmp_path / "long.sqlite"
    with closing(Store(path)) as store:
        for number in range(1, 4):
            many = (Made(name=f"step {each} {LONG}", id=each, attributes={"text": "x" * 500}) for each in range(1, 400))
            store.add_spans(request(*many, trace=number))
    line = f"{' '.join(COMMAND)} {command.format(trace=trace_id())} --db {path} | head -c 1"
    shell = ["bash", "-c", f"{line}; code=${{PIPESTATUS[0]}}; echo; echo $code"]
    done = subprocess.run(shell, env=environment(), capture_output=True, text=True, check=True)
    assert (done.stderr, done.stdout.splitlines()[-1]) == ("", "141")


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
@pytest.mark.parametrize(
    "command",
    [
        ["traces"],
        ["show", trace_id()],
        ["usage", "--by", "agent"],
        ["diff", trace_id(1), trace_id(2)],
        ["tail", "--from-start", "--limit", "6"],
        ["sql", "SELECT name, agent FROM spans"],
    ],
)
def test_a_terminal_of_another_encoding_gets_what_it_can_show(db: Path, command: list[str], encoding: str) -> None:
    """Lines and dots become what is like them, a character that it lacks a question mark."""
    run = [*COMMAND, *command, "--db", str(db)]
    done = subprocess.run(run, env=environment(PYTHONIOENCODING=encoding), capture_output=True, check=True)
    text = done.stdout.decode(encoding)
    assert b"Error" not in done.stderr
    assert {"ascii": "run the shop - K?ln", "iso-8859-1": "run the shop · Köln"}[encoding] in text or "helper ?" in text
    assert ("`- sum up" in text) == (command[0] == "show")


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
@pytest.mark.parametrize("command", [["show", trace_id(), "--json"], ["traces", "--json"], ["export", trace_id()]])
def test_json_says_the_same_in_every_encoding(db: Path, command: list[str], encoding: str) -> None:
    """What an encoding lacks is escaped."""
    found: list[object] = []
    for each in (encoding, "utf-8"):
        run = [*COMMAND, *command, "--db", str(db)]
        done = subprocess.run(run, env=environment(PYTHONIOENCODING=each), capture_output=True, check=True)
        found.append(json.loads(done.stdout.decode(each)))
    assert found[0] == found[1]


@pytest.mark.parametrize("command", ["show {}", "diff {} latest", "export {}"])
def test_an_unknown_id_is_named_with_what_to_do(db: Path, command: str) -> None:
    """On stderr, with the nearest ids and the command that lists all; the exit code is 2."""
    done = agent_telemetry(*command.format("fee1dead").split(), "--db", db)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: no trace 'fee1dead'; the nearest are: ")
    assert done.err.endswith("`agent-telemetry traces` lists all\n")


def test_one_is_one(db: Path, tmp_path: Path) -> None:
    """1 span, 2 spans."""
    assert "1 span · " in agent_telemetry("show", trace_id(2), "--db", db).out
    file = tmp_path / "one.jsonl"
    told = agent_telemetry("export", trace_id(2), "-o", file, "--db", db).err
    assert told == f"1 line in {file}\n"
    assert agent_telemetry("import", file, "--db", tmp_path / "n.sqlite").err == "1 span, 0 log records, 0 metrics\n"
    let_go = agent_telemetry("gc", "--retention", "0s", "--db", tmp_path / "n.sqlite").err
    assert let_go.startswith("1 trace, 0 log records, 0 metrics and 0 events let go, ")
