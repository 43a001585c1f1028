"""What a program imports when it is configured, and what comes with its first event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lifecycle.programs import allowed, result

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
    import json, sys
    import otel_agent_telemetry as telemetry

    LATE = ("sqlite3", "requests", "opentelemetry.sdk.metrics", "otel_agent_telemetry.pipeline.outlet",
            "otel_agent_telemetry.meaning._meaning")
    telemetry.configure(product="acme-agents")
    before = [name for name in LATE if name in sys.modules]
    with telemetry.tool("search"):
        pass
    telemetry.flush(10)
    print(json.dumps([before, [name for name in LATE if name in sys.modules]]))
"""


def test_what_writes_comes_with_the_first_event(tmp_path: Path) -> None:
    """A program that has told nothing has loaded nothing of it; without an endpoint, it never loads what sends."""
    before, after = result(PROGRAM, variables=allowed(tmp_path))
    assert before == []
    assert after == ["sqlite3", "otel_agent_telemetry.pipeline.outlet", "otel_agent_telemetry.meaning._meaning"]
