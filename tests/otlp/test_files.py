"""Files: what cannot be read of them is named, whatever they are."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from otel_agent_telemetry.cli import main
from tests.otlp.ways import call, document

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ONE, OTHER = (json.dumps(document(call(number))) for number in (1, 2))
LONG = json.dumps(json.loads(ONE), indent=1)
EXPECTED = "expected OTLP, such as `agent-telemetry export` writes"


def run(command: str, content: bytes, folder: Path) -> Result:
    """A command on a file with the content, which its words call ``in``."""
    (folder / "in").write_bytes(content)
    options = ["--db", str(folder / "x.sqlite")] if command == "import" else []
    done = CliRunner().invoke(main, [command, str(folder / "in"), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


@pytest.mark.parametrize("command", ["preview", "import"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            f'{ONE}\n{{"resourceSpans":[{{"oops"\n{OTHER}\n',
            [":2: skipped: not JSON: Expecting ':' delimiter at column 26"],
        ),
        (f"\n\n{ONE}\n{ONE[:-9]}", [f":4: skipped: not JSON: Expecting ',' delimiter at column {len(ONE) - 8}"]),
        (
            f"{LONG}\n{LONG}\noops",
            [f":{2 * len(LONG.splitlines()) + 1}: skipped: not JSON: Expecting value at column 1"],
        ),
    ],
)
def test_a_bad_line_is_named_and_skipped(command: str, content: str, told: list[str], tmp_path: Path) -> None:
    """By file, number and reason; what stands around it is read, and the exit code is 0."""
    done = run(command, content.encode(), tmp_path)
    assert done.exit_code == 0
    assert [line for line in done.stderr.splitlines() if ": skipped: " in line] == [
        f"{tmp_path}/in{each}" for each in told
    ]


@pytest.mark.parametrize("command", ["preview", "import"])
def test_the_first_twenty_faults_are_told(command: str, tmp_path: Path) -> None:
    """And how many more there are."""
    done = run(command, f"{ONE}\n{'oops' * 3}\n".encode() * 30, tmp_path)
    assert done.stderr.count(": skipped: ") == 20
    assert f"{tmp_path}/in: and 10 more lines with faults\n" in done.stderr


@pytest.mark.parametrize("command", ["preview", "import"])
@pytest.mark.parametrize(
    ("end", "why"), [(b"", "ended before the end-of-stream marker"), (bytes(8), "CRC check failed")]
)
def test_gzip_that_is_damaged(command: str, end: bytes, why: str, tmp_path: Path) -> None:
    """What could be unpacked is read, and the damage is named."""
    done = run(command, gzip.compress(f"{ONE}\n{OTHER}\n".encode())[:-8] + end, tmp_path)
    assert (done.exit_code, f"{tmp_path}/in:3: skipped: the file is damaged or cut short: " in done.stderr) == (0, True)
    assert why in done.stderr


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\n\n", b"oops", b'{"resourceLogs": []}', b"\x1f\x8boops", b"\0" * 9]
)
def test_a_preview_of_no_span(content: bytes, tmp_path: Path) -> None:
    """It says so and exits with 2."""
    done = run("preview", content, tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{tmp_path}/in holds no span; {EXPECTED}" in done.stderr


@pytest.mark.parametrize(
    ("content", "code"), [(b"oops", 2), (b"\x1f\x8boops", 2), (b"7\n8\n", 2), (b"", 0), (b"\n", 0), (b"{}\n", 0)]
)
def test_an_import_of_nothing_that_can_be_read(content: bytes, code: int, tmp_path: Path) -> None:
    """It exits with 2; what is empty is no mistake."""
    done = run("import", content, tmp_path)
    assert (done.exit_code, f"{tmp_path}/in holds nothing that can be read; {EXPECTED}" in done.stderr) == (
        code,
        code == 2,
    )


def test_stdin_is_read_by_both(tmp_path: Path) -> None:
    """``-`` is stdin, packed or not."""
    shown = CliRunner().invoke(main, ["preview", "-", "--totals"], input=gzip.compress(ONE.encode()))
    stored = CliRunner().invoke(main, ["import", "-", "--db", str(tmp_path / "x.sqlite")], input=ONE.encode())
    assert (json.loads(shown.stdout)["modelCalls"], stored.stderr) == (1, "1 span, 0 log records, 0 metrics\n")


def test_gzip_cannot_be_followed(tmp_path: Path) -> None:
    """Packed files do not grow by lines."""
    (tmp_path / "in").write_bytes(gzip.compress(ONE.encode()))
    done = CliRunner().invoke(main, ["import", "--follow", str(tmp_path / "in"), "--db", str(tmp_path / "x.sqlite")])
    assert (done.exit_code, "is gzip; leave it out" in done.stderr) == (2, True)
