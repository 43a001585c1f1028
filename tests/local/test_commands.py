from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from otel_agent_telemetry.cli import _diff, _exchange, _gc, _serve, _sessions, _show, _tail, _traces, _usage
from otel_agent_telemetry.local import Server, Store
from tests.cli.command import COMMAND, environment
from tests.local.made import START, Made, agent, chat, request, span_id, tool, trace_id
from tests.local.serving import post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click
    from click.testing import Result

COMMANDS: dict[str, click.Command] = {
    "traces": _traces.traces,
    "show": _show.show,
    "sessions": _sessions.sessions,
    "usage": _usage.usage,
    "diff": _diff.diff,
    "tail": _tail.tail,
    "export": _exchange.export,
    "import": _exchange.import_,
    "gc": _gc.gc,
    "serve": _serve.serve,
}
SESSION_ROWS = [
    [trace_id(2), "2026-11-21", "22:09:29", "helper", "depot", "1", "1", "0", "0", "200", "10"],
    ["talk-1", "2026-11-21", "22:09:28", "helper", "shop", "1", "1", "1", "1", "100", "10"],
]
SINCE = ["--since", "2026-11-23T00:00:00Z"]
PROMPT = '[{"role": "user", "parts": [{"type": "text", "content": "where is my order?"}]}]'
RUN = (
    Made(name="run the shop", id=1, attributes={**agent(), "gen_ai.conversation.id": "talk-1"}),
    Made(name="chat gpt-fake", id=2, parent=1, start=5, end=60, attributes={**chat(), "gen_ai.input.messages": PROMPT}),
    Made(
        name="execute_tool search",
        id=3,
        parent=1,
        start=60,
        end=90,
        attributes={**tool(), "order": 7, "express": True},
        error=True,
    ),
)
OTHER = (
    Made(name="run the shop", id=1, attributes=agent()),
    Made(name="chat gpt-dear", id=2, parent=1, start=5, end=90, attributes=chat("gpt-dear", 200)),
    Made(name="sum up", id=4, parent=1, start=90, end=95),
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Path]:
    """A store with two traces."""
    path = tmp_path / "traces.sqlite"
    store = Store(path)
    store.add_spans(request(*RUN))
    store.add_spans(request(*OTHER, trace=2, service="depot", start_ns=START + 10**9))
    yield path
    store.close()


def run(name: str, db: Path, *arguments: str, given: bytes | None = None) -> Result:
    """A command's result; stdout as a pipe."""
    return CliRunner().invoke(COMMANDS[name], [*arguments, "--db", str(db)], input=given)


def listed(db: Path, *arguments: str) -> list[str]:
    """First digits of the services of the traces that `traces` gives."""
    return [trace["service"] for trace in json.loads(run("traces", db, *arguments, "--json").stdout)]


def test_traces_is_a_table(db: Path) -> None:
    """The latest trace comes first; a pipe gets the whole width and no colours."""
    titles, latest, earlier = (line.split() for line in run("traces", db).stdout.splitlines())
    assert " ".join(titles) == "TRACE START (UTC) NAME SERVICE MODELS SPANS CALLS IN OUT COST STATUS DURATION"
    when, name = ["0" * 16, "2026-11-21"], ["run", "the", "shop"]
    assert latest == [*when, "22:09:29", *name, "depot", "gpt-dear", "3", "1", "200", "10", "ok", "100.0", "ms"]
    assert earlier == [*when, "22:09:28", *name, "shop", "gpt-fake", "3", "1", "100", "10", "error", "100.0", "ms"]


def test_traces_in_json_has_the_documented_shape(db: Path) -> None:
    """The shape is a promise to scripts."""
    assert json.loads(run("traces", db, "--service", "shop", "--json").stdout) == [
        {
            "trace_id": trace_id(),
            "name": "run the shop",
            "service": "shop",
            "start": "2026-11-21T22:09:28.000000Z",
            "duration_ms": 100.0,
            "spans": 3,
            "errors": 1,
            "status": "error",
            "calls": 1,
            "tools": 1,
            "agent_runs": 1,
            "input_tokens": 100,
            "output_tokens": 10,
            "models": ["gpt-fake"],
            "agent": "helper",
            "session": "talk-1",
            "cost_usd": None,
            "cost_is_estimate": False,
            "unpriced_calls": 1,
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--service", "shop"], ["shop"]),
        (["--name", "THE SHOP"], ["depot", "shop"]),
        (["--name", "nothing"], []),
        (["--attribute", "gen_ai.tool.name=search"], ["shop"]),
        (["-a", "order=7"], ["shop"]),
        (["-a", "express=true"], ["shop"]),
        (["-a", "order=8"], []),
        (["-a", "order=7.0"], ["shop"]),
        (["-a", "order="], []),
        (["-a", "order=7", "-a", "gen_ai.request.model=gpt-dear"], []),
        (["--text", "WHERE IS MY"], ["shop"]),
        (["--status", "error"], ["shop"]),
        (["--status", "ok"], ["depot"]),
        (["--model", "gpt-dear"], ["depot"]),
        (["--agent", "helper"], ["depot", "shop"]),
        (["--tool", "search"], ["shop"]),
        (["--session", "talk-1"], ["shop"]),
        (["--min-duration", "99ms", "--max-duration", "0.1s"], ["depot", "shop"]),
        (["--min-duration", "101ms"], []),
        (["--since", "2026-11-21T22:09:28.5Z"], ["depot"]),
        (["--until", "2026-11-21T22:09:28.5"], ["shop"]),
        (["--sort", "tokens"], ["depot", "shop"]),
        (["--sort", "errors"], ["shop", "depot"]),
        (["--sort", "cost", "--limit", "1"], ["depot"]),
        (["--limit", "1"], ["depot"]),
        (["--query", "model:gpt-dear"], ["depot"]),
        (["-q", "error tool:sea* tokens:<200 express=true"], ["shop"]),
        (["-q", '"where is" -service:shop'], []),
        (["--query", "-error", "--service", "depot"], ["depot"]),
        (["--query", "agent:helper", "--since", "2026-11-21T22:09:28.5Z"], ["depot"]),
    ],
)
def test_traces_can_be_filtered_and_sorted(db: Path, arguments: list[str], expected: list[str]) -> None:
    """Every filter takes part, and they all have to hold."""
    assert listed(db, *arguments) == expected


def test_show_is_a_tree(db: Path) -> None:
    """A row for each span: what it is about, tokens, status, error, duration."""
    assert run("show", db, trace_id()).stdout.splitlines() == [
        f"trace {trace_id()}  run the shop",
        "3 spans · 1 model call · 1 tool call · 100 in, 10 out · 100.0 ms · 2026-11-21 22:09:28 UTC",
        "SPAN                    KIND   ABOUT     SERVICE   IN  OUT  COST  STATUS  ERROR  DURATION",
        "run the shop            agent  helper    shop                     ok             100.0 ms",
        "├─ chat gpt-fake        model  gpt-fake  shop     100   10        ok              55.0 ms",
        "└─ execute_tool search  tool   search    shop                     error           30.0 ms",
    ]


def test_show_hides_content_unless_asked(db: Path) -> None:
    """Prompts appear with --content only."""
    plain, asked = run("show", db, trace_id()), run("show", db, trace_id(), "--content")
    assert ("where is my order?" in plain.stdout, "where is my order?" in asked.stdout) == (False, True)


def test_show_in_json_gives_every_span(db: Path) -> None:
    """The trace's row and its spans, with depth and parent."""
    shown: dict[str, Any] = json.loads(run("show", db, trace_id(), "--json").stdout)
    assert [(span["span_id"], span["parent_span_id"], span["depth"], span["status"]) for span in shown["spans"]] == [
        (span_id(1), None, 0, "ok"),
        (span_id(2), span_id(1), 1, "ok"),
        (span_id(3), span_id(1), 1, "error"),
    ]
    assert shown["trace"]["trace_id"] == trace_id()


def test_show_searches_inside(db: Path) -> None:
    """What matches is shown with what is above it; where nothing does, that is said."""
    found = run("show", db, trace_id(), "--search", "execute_TOOL").stdout.splitlines()
    assert [line.split()[0] for line in found[3:]] == ["run", "└─"]
    assert "no span of this trace contains 'xyz'" in run("show", db, trace_id(), "--search", "xyz").output


@pytest.mark.parametrize("given", [trace_id(2), trace_id(2).upper(), "latest"])
def test_a_trace_can_be_named_in_several_ways(db: Path, given: str) -> None:
    """By its id in any case, or as the latest."""
    assert json.loads(run("show", db, given, "--json").stdout)["trace"]["service"] == "depot"


@pytest.mark.parametrize(
    ("given", "says"),
    [("f00", "the nearest are:"), ("0000", "begins the id of more than one trace"), ("zz", "no trace 'zz'")],
)
def test_an_unknown_trace_suggests_the_nearest(db: Path, given: str, says: str) -> None:
    """A wrong id is named, with the ids that it might have been, and the exit code is 2."""
    done = run("show", db, given)
    assert (done.exit_code, says in done.output, trace_id() in done.output) == (2, True, True)


def test_sessions(db: Path) -> None:
    """A row for each conversation, and for a run that names none: it is a session under its trace's id."""
    heads, *rows = run("sessions", db).stdout.splitlines()
    assert (heads.split(), [row.split() for row in rows]) == (
        ["SESSION", "LAST", "(UTC)", "AGENT", "SERVICE", "TRACES", "CALLS", "TOOLS", "ERRORS", "IN", "OUT", "COST"],
        SESSION_ROWS,
    )


def test_figures_of_a_session_are_of_the_period(tmp_path: Path) -> None:
    """With --since, cost and tokens are of the same traces as their number."""
    with closing(Store(tmp_path / "t.sqlite")) as store:
        for number in (1, 2):
            of_call = {**chat(), "gen_ai.conversation.id": "talk-1", "gen_ai.cost.total_cost": 0.5}
            day = START + number * 86400 * 10**9
            store.add_spans(request(Made(attributes=of_call), trace=number, start_ns=day))
    rows = [json.loads(run("sessions", tmp_path / "t.sqlite", "--json", *since).stdout)[0] for since in ([], SINCE)]
    figures = [[row[key] for key in ("traces", "calls", "input_tokens", "cost_usd")] for row in rows]
    assert figures == [[2, 2, 200, 1.0], [1, 1, 100, 0.5]]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", [("gpt-dear", 1, 200), ("gpt-fake", 1, 100)]),
        ("agent", [("helper", 2, 300)]),
        ("tool", [("search", 0, None)]),
        ("session", [(trace_id(2), 1, 200), ("talk-1", 1, 100)]),
        ("day", [("2026-11-21", 2, 300)]),
        ("hour", [("2026-11-21T22:00Z", 2, 300)]),
    ],
)
def test_usage(db: Path, by: str, expected: list[tuple[str, int, int]]) -> None:
    """Tokens and calls by what they were spent on."""
    rows = json.loads(run("usage", db, "--by", by, "--json").stdout)
    assert [(row["key"], row["calls"], row["input_tokens"]) for row in rows] == expected


def test_diff_aligns_two_traces(db: Path) -> None:
    """+ is new, - is gone, ~ has changed, and what is the same is left out."""
    lines = run("diff", db, trace_id(1), trace_id(2)).stdout.splitlines()
    assert lines[4:] == [
        "1 same, 1 changed, 1 added, 1 removed",
        "   SPAN                   WHAT                                              TOKENS  COST        A        B",
        "~    chat gpt-dear        model gpt-fake -> gpt-dear, slower, tokens, text    +100        55.0 ms  85.0 ms",
        "+    sum up               added                                                                     5.0 ms",
        "-    execute_tool search  removed                                                         30.0 ms",
    ]


def test_what_is_exported_can_be_imported(db: Path, tmp_path: Path) -> None:
    """Out, in and out again gives the same lines; one trace alone is one line."""
    out = run("export", db).stdout
    again = tmp_path / "again.sqlite"
    counts = [f"{way}{what}" for way in ("", "known_", "refused_") for what in ("spans", "logs", "metrics")]
    nothing = dict.fromkeys([*counts, "skipped_lines"], 0)
    done = [json.loads(run("import", again, "-", "--json", given=out.encode()).stdout) for _ in range(2)]
    assert done == [{**nothing, "spans": 6}, {**nothing, "known_spans": 6}]
    assert (run("export", again).stdout, run("export", db, trace_id()).stdout) == (out, out.splitlines()[0] + "\n")


@pytest.mark.parametrize("form", ["lines", "gzip", "document", "list"])
def test_import_reads_what_programs_write(db: Path, tmp_path: Path, form: str) -> None:
    """JSON lines, the same packed, one document over many lines, a list of documents."""
    lines = run("export", db).stdout
    document = json.loads(lines.splitlines()[0])
    forms = {
        "lines": lines.encode(),
        "gzip": gzip.compress(lines.encode()),
        "document": json.dumps(document, indent=2).encode(),
        "list": json.dumps([document], indent=2).encode(),
    }
    (tmp_path / "in").write_bytes(forms[form])
    done = run("import", tmp_path / "new.sqlite", str(tmp_path / "in"))
    assert done.output == f"{3 if form in {'document', 'list'} else 6} spans, 0 log records, 0 metrics\n"


def test_import_says_what_it_had_already(db: Path, tmp_path: Path) -> None:
    """What the store holds is neither stored again nor counted as stored."""
    file = tmp_path / "in.jsonl"
    file.write_text(run("export", db).stdout)
    assert run("import", db, str(file)).stderr == "0 spans, 0 log records, 0 metrics; 6 spans already there\n"


def test_import_reads_several_files(db: Path, tmp_path: Path) -> None:
    """One sum for all of them; one that holds nothing is named, and the others are stored."""
    good = run("export", db).stdout.splitlines()
    files = [str(tmp_path / name) for name in ("one", "nothing", "two")]
    for file, text in zip(files, (good[0], "nonsense", good[1]), strict=True):
        (tmp_path / file).write_text(text)
    done = run("import", tmp_path / "new.sqlite", *files)
    named, total, *rest = done.stderr.splitlines()
    assert (done.exit_code, named.split(": ")[0]) == (2, f"{files[1]}:1")
    assert total == "6 spans, 0 log records, 0 metrics; 1 line left out"
    assert f"{files[1]} holds nothing that can be read" in " ".join(rest)
    assert len(json.loads(run("traces", tmp_path / "new.sqlite", "--json").stdout)) == 2


def test_a_bad_line_is_named_and_skipped(db: Path, tmp_path: Path) -> None:
    """File, number and what was wrong are told; the lines around it are stored."""
    good = run("export", db).stdout.splitlines()
    file = tmp_path / "in.jsonl"
    file.write_text(f"{good[0]}\nnonsense\n{good[1]}\n")
    done = run("import", tmp_path / "new.sqlite", str(file))
    named = f"{file}:2: skipped: not JSON: Expecting value at column 1\n"
    assert (done.exit_code, done.stderr) == (0, f"{named}6 spans, 0 log records, 0 metrics; 1 line left out\n")


def test_gc_says_what_it_let_go(db: Path) -> None:
    """Counts of what was deleted."""
    done = json.loads(run("gc", db, "--retention", "0s", "--json").stdout)
    assert {key: done[key] for key in ("traces", "logs", "metrics", "events")} == {
        "traces": 2,
        "logs": 0,
        "metrics": 0,
        "events": 0,
    }
    assert listed(db) == []


def test_tail_prints_what_arrives(db: Path) -> None:
    """One JSON object a span, filtered, up to the limit."""
    done = run("tail", db, "--from-start", "--kind", "model", "--limit", "2", "--json")
    assert [json.loads(line)["model"] for line in done.stdout.splitlines()] == ["gpt-fake", "gpt-dear"]


@pytest.mark.parametrize("name", ["traces", "sessions", "usage"])
def test_an_empty_store_says_how_to_fill_it(name: str, tmp_path: Path) -> None:
    """Where no store is named and none is there yet: nothing on stdout, the way on stderr, and no file is made."""
    place = {"AGENT_TELEMETRY_STATE_DIR": str(tmp_path / "state")}
    done = CliRunner(env=place).invoke(COMMANDS[name])
    assert (done.exit_code, done.stdout, "Fill it: `agent-telemetry run -- COMMAND`" in done.stderr) == (0, "", True)
    assert json.loads(CliRunner(env=place).invoke(COMMANDS[name], ["--json"]).stdout) == []
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "command", ["traces", "sessions", "usage", "export", "tail", "gc", "show latest", "diff latest latest"]
)
def test_a_store_that_is_named_and_not_there_is_an_error(command: str, tmp_path: Path) -> None:
    """A wrong name is not an empty store: it is said, with what to do next, and no file is made."""
    path = tmp_path / "none.sqlite"
    done = run(command.split(maxsplit=1)[0], path, *command.split()[1:])
    assert (done.exit_code, done.stdout, path.exists()) == (2, "", False)
    assert f"Error: --db {path}: there is no such file; leave --db out for" in done.stderr
    assert f"fill a new store with `agent-telemetry serve --db {path}`" in done.stderr


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("traces", ["--min-duration", "fast"], "'fast' is not a duration; expected a number and one of"),
        (
            "traces",
            ["--since", "yesterday"],
            "'yesterday' is not a time; expected ISO 8601 such as 2026-11-21T09:00, or an age such as 2h",
        ),
        ("traces", ["--query", "dur:2s"], "query, character 5: expected one of > >= < <= here, as in dur:>2s"),
        ("sessions", ["--query", "modle:x"], "query, character 1: there is no key 'modle'; did you mean model:?"),
        ("traces", ["--attribute", "x"], "has no value; expected KEY=VALUE such as gen_ai.request.model=gpt-4o"),
        ("gc", ["--max-size", "big"], "'big' is not a size; expected a number and one of"),
        ("serve", ["--host", "0.0.0.0"], "can be reached from other machines, so a token is needed; try"),  # noqa: S104 - that it is refused
        ("serve", ["--token", "short"], "--token has 5 characters, expected 16 or more"),
    ],
)
def test_a_wrong_value_names_itself_and_what_was_expected(db: Path, name: str, arguments: list[str], says: str) -> None:
    """And what to try; the exit code is 2."""
    done = run(name, db, *arguments)
    assert (done.exit_code, says in done.output) == (2, True)


def test_a_terminal_gets_no_more_than_its_width(db: Path) -> None:
    """At 40 columns the less important columns go and the names are cut."""
    script = ["script", "-qec", " ".join([*COMMAND, "traces", "--db", str(db)]), "/dev/null"]
    done = subprocess.run(
        script,
        env=environment(COLUMNS=40, TERM="xterm"),
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    lines = [line for line in done.stdout.splitlines() if "shop" in line or "TRACE" in line]
    plain = [line.replace("\x1b[1m", "").replace("\x1b[31m", "").replace("\x1b[0m", "") for line in lines]
    assert len(plain) == 3
    assert max(map(len, plain)) <= 40
    assert "\x1b[31m" in done.stdout


def test_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """Control characters in a name are shown as spaces."""
    store = Store(tmp_path / "x.sqlite")
    store.add_spans(request(Made(name="evil\x1b[2J\r\nname\x9b\u202e")))
    store.close()
    shown = run("traces", tmp_path / "x.sqlite").stdout
    assert "evil [2J  name" in shown
    assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(shown)


def test_serve_tells_where_it_is_and_ends_on_a_signal(tmp_path: Path) -> None:
    """One line on stderr when it takes requests; SIGTERM ends it with exit code 0."""
    db = tmp_path / "traces.sqlite"
    running = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--db", str(db)], env=environment(), stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    line = running.stderr.readline()
    url = line.split()[2]
    assert post(url, request(*RUN).SerializeToString()).status == 200
    running.send_signal(signal.SIGTERM)
    assert (running.communicate(timeout=10)[1], running.returncode) == ("", 0)
    assert line == f"agent-telemetry serve: {url} (db {db})\n"
    assert listed(db) == ["shop"]


def test_a_port_that_was_left_a_moment_ago(tmp_path: Path) -> None:
    """Stopped and started again at once it has its port again, though the system remembers connections of it."""
    with closing(Store(tmp_path / "traces.sqlite")) as store, ExitStack() as clients:
        server = Server(store, port=0)
        host, port = server.server_address[:2]
        clients.enter_context(socket.create_connection((str(host), port)))
        server.socket.accept()[0].close()  # who closes first is who remembers
        server.server_close()
        Server(store, port=int(port)).server_close()


def test_a_port_that_is_taken_is_named(db: Path) -> None:
    """With the command that finds a free one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("serve", db, "--port", port)
    assert (
        done.exit_code,
        f"cannot listen on 127.0.0.1:{port}: Address already in use; try `agent-telemetry serve --port 0`"
        in done.output,
    ) == (2, True)
