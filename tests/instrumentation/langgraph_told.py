"""What is told of ``programs/langgraph_runs.py``, whatever else is installed."""

from __future__ import annotations

_WITH_TOOL = """\
session helper ok
  invoke_workflow helper ok
    chat gpt-5-mini ok
    execute_tool get_weather ok
    chat gpt-5-mini ok"""
TREES = {
    **dict.fromkeys(("whole", "streamed", "left", "right"), _WITH_TOOL),
    "tool error": """\
session helper error
  invoke_workflow helper error
    chat gpt-5-mini ok
    execute_tool get_stock_price error""",
    "limited": "session helper error\n  invoke_workflow helper error\n    chat gpt-5-mini error",
    "paused": """\
session helper ok
  invoke_workflow helper retried
session helper ok
  invoke_workflow helper ok
    chat gpt-5-mini ok""",
    "cancelled": "session helper cancelled\n  invoke_workflow helper cancelled\n    chat gpt-5-mini ok",
}
EVENTS = {
    "session.started": 9,
    "session.ended": 9,
    "session.failure": 2,
    "workflow.started": 9,
    "workflow.completed": 5,
    "workflow.failed": 3,
    "tool.called": 5,
}
