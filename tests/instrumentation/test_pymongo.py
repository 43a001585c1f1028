"""pymongo below a tool, against a server that speaks MongoDB's protocol: each command is one span."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.mongo_server import MongoServer
from tests.instrumentation.program import PYTHON, Program
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path

if sys.executable == PYTHON:
    absent("pymongo", "make test-mongo")

SCOPE = "opentelemetry.instrumentation.pymongo"


@pytest.mark.parametrize(("content", "is_told"), [("false", False), ("true", True)])
def test_commands_are_below_the_tool(tmp_path: Path, content: str, *, is_told: bool) -> None:
    """By either client, with their outcome; what is asked for is told only where content is, and never in an event."""
    variables = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": content}
    with MongoServer(tmp_path) as mongo, Program(home=tmp_path, variables=variables) as program:
        assert program.run("-m", "with_pymongo", mongo.url, timeout=60) == 0, program.printed()
        assert program.printed() == "refused\n"
        (tool,) = (span for span in program.spans if span.name.startswith("execute_tool"))
        # This server has no endSessions, which each client says as it is closed.
        commands = [span for span in program.spans if span.scope == SCOPE and span.name != "admin.endSessions"]
        told = b"".join(each.body for each in program.receiver.requests)
        assert [(span.name, span.parent_id, span.is_error) for span in commands] == [
            ("shop.insert", tool.id, False),
            ("shop.find", tool.id, False),
            ("shop.find", tool.id, True),
            ("shop.find", tool.id, False),
        ]
        assert (b"canary" in told, "canary" in str(program.events)) == (is_told, False)
