"""``import --follow``: a file that the Collector goes on writing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def line(number: int) -> str:
    """One OTLP JSON line with one span."""
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": "1790000001000000000",
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n"


def command(*arguments: str | Path) -> list[str]:
    """An agent-telemetry command line."""
    return [sys.executable, "-m", "otel_agent_telemetry", *map(str, arguments)]


def wait_until(is_true: Callable[[], bool]) -> None:
    """Return once it is; fail after 20 s."""
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_lines_are_stored_as_they_are_written(tmp_path: Path) -> None:
    """Lines of before, whole lines of later, and those of the file after a rotation are stored; a broken one is not."""
    file, db = tmp_path / "traces.jsonl", tmp_path / "traces.sqlite"

    def stored() -> set[str]:
        listed = subprocess.run(command("traces", "--json", "--db", db), capture_output=True, text=True, check=True)
        return {trace["name"] for trace in json.loads(listed.stdout)}

    file.write_text(line(1), "utf-8")
    follower = subprocess.Popen(command("import", "--follow", file, "--db", db), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: db.exists() and stored() == {"span 1"})
    with file.open("a", encoding="utf-8") as writer:
        writer.write(line(2) + "{broken\n" + line(3)[:40])
        writer.flush()
        wait_until(lambda: stored() == {"span 1", "span 2"})
        writer.write(line(3)[40:])
    file.replace(tmp_path / "traces-1.jsonl")
    file.write_text(line(4), "utf-8")
    wait_until(lambda: stored() == {"span 1", "span 2", "span 3", "span 4"})
    follower.send_signal(signal.SIGINT)
    _, words = follower.communicate(timeout=20)
    assert (follower.returncode, f"{file}:3: skipped: not JSON" in words, "4 spans" in words) == (0, True, True)
