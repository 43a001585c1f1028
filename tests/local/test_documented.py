from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from otel_agent_telemetry.local import (
    DiffRow,
    ErrorShape,
    InstrumentShape,
    LatencyRow,
    LogShape,
    RecentShape,
    SessionShape,
    SpanShape,
    TraceShape,
    UsageShape,
)

_PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "read-traces.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        ("traces", TraceShape),
        ("show", SpanShape),
        ("sessions", SessionShape),
        ("usage", UsageShape),
        ("latency", LatencyRow),
        ("errors", ErrorShape),
        ("logs", LogShape),
        ("metrics", InstrumentShape),
        ("diff", DiffRow),
        ("tail", RecentShape),
    ],
)
def test_every_key_is_documented(command: str, shape: Any) -> None:
    """docs/how-to/read-traces.md lists the keys that --json prints, in their order."""
    row = next(line for line in _PAGE.split("## JSON")[1].splitlines() if line.startswith(f"| `{command}` |"))
    keys = row.split("|")[3].partition(":")[2] or row.split("|")[3]
    listed = [
        key
        for key in re.findall(r"`(\w+)`", keys.partition(";")[0])
        if key not in {"same", "changed", "added", "removed"}
    ]
    assert listed == list(shape.__annotations__)
