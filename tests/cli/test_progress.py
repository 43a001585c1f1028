from __future__ import annotations

import json
import os
import pty
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from otel_agent_telemetry.cli._gc import gc
from otel_agent_telemetry.cli._progress import progress
from otel_agent_telemetry.local import Store
from tests.cli.command import COMMAND, agent_telemetry, all_of, environment
from tests.local.made import Made, request
from tests.local.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A store with a thousand traces."""
    path = tmp_path / "traces.sqlite"
    with closing(Store(path)) as store:
        for number in range(1, 1001):
            store.add_spans(request(Made(name="work", attributes={"text": "x" * 500}), trace=number))
    return path


def bar_of(theirs: int, *moments: float, quiet: bool = False) -> None:
    """Tell of ten of a hundred steps at each of those seconds."""
    told = iter([0.0, *moments])
    with (
        os.fdopen(theirs, "w") as stream,
        progress("working", 100, quiet=quiet, stream=stream, clock=lambda: next(told)) as update,
    ):
        for _ in moments:
            update(10)


@pytest.mark.parametrize(
    ("moments", "quiet", "shown"), [([0.1, 0.9], False, False), ([0.1, 1.1], False, True), ([0.1, 1.1], True, False)]
)
def test_a_bar_comes_after_a_second(*, moments: list[float], quiet: bool, shown: bool) -> None:
    """Not before, and not where no words are wanted."""
    ours, theirs = pty.openpty()
    os.write(theirs, b"|")
    bar_of(theirs, *moments, quiet=quiet)
    seen = all_of(ours)
    os.close(ours)
    assert ("working" in seen, "20%" in seen) == (shown, shown)


def test_a_pipe_gets_no_bar() -> None:
    """However long it takes."""
    ours, theirs = os.pipe()
    bar_of(theirs, 0.1, 1.1, 99)
    assert all_of(ours) == ""
    os.close(ours)


def test_import_shows_how_far_it_is(db: Path, tmp_path: Path) -> None:
    """The bar stands on stderr; what is read from a pipe has no end that is known."""
    (line,) = agent_telemetry("export", "0" * 31 + "1", "--db", db).out.splitlines()
    lines = tmp_path / "pipe"
    os.mkfifo(lines)
    command = [*COMMAND, "import", str(lines), "--db", str(tmp_path / "new.sqlite")]
    with Terminal(command, environment()) as terminal:
        with lines.open("w") as writing:
            while "importing" not in terminal.seen:
                writing.write(line + "\n")
                writing.flush()
                terminal.look()
        assert terminal.ended() == 0
    assert "\n1 span, 0 log records, 0 metrics" in terminal.seen


def test_export_shows_how_far_it_is(db: Path, tmp_path: Path) -> None:
    """By the lines that there are, also where their reader is slow."""
    lines = tmp_path / "pipe"
    os.mkfifo(lines)
    with Terminal([*COMMAND, "export", "-o", str(lines), "--db", str(db)], environment()) as terminal:
        count = 0
        with lines.open() as reading:
            while "exporting" not in terminal.seen:
                count += bool(reading.readline())
                terminal.look()
            count += len(reading.readlines())
        assert terminal.ended() == 0
    assert count == 1000
    assert terminal.seen.rstrip().endswith(f"1,000 lines in {lines}")


def test_work_that_does_not_tell_how_far_it_is() -> None:
    """Such as bringing a store up to date: the bar moves until it is done."""
    lines = ["from otel_agent_telemetry.cli._progress import waiting", "with waiting('opening the store'): input()"]
    with Terminal([sys.executable, "-c", "\n".join([*lines, "print('end')"])], environment()) as terminal:
        terminal.wait_for(lambda seen: seen.count("opening the store") > 2, "a bar that moves")
        terminal.press("\n")
        assert terminal.ended() == 0
    assert terminal.seen.rstrip().endswith("end")


def test_what_is_let_go_is_told_step_by_step(db: Path) -> None:
    """Each transaction says how many rows it let go, and nothing of it is in the answer."""
    done = CliRunner().invoke(gc, ["--retention", "0s", "--db", str(db), "--json"])
    assert (json.loads(done.stdout)["traces"], done.stderr) == (1000, "")


def test_commands_in_a_pipe_have_no_bar(db: Path, tmp_path: Path) -> None:
    """Neither import nor export."""
    out = tmp_path / "all.jsonl"
    told = [
        agent_telemetry("export", "-o", out, "--db", db).err,
        agent_telemetry("import", out, "--db", tmp_path / "new.sqlite").err,
    ]
    assert told == [f"1,000 lines in {out}\n", "1,000 spans, 0 log records, 0 metrics\n"]
