"""A small agent service: one session with a task, a model call and a tool."""

import otel_agent_telemetry as telemetry


@telemetry.agent("support")
def answer() -> None:
    """Ask a model and use a tool."""
    with telemetry.model_call("gpt-4o", provider="openai") as call:
        call.record(input=120, output=30, cache_read=64)
    with telemetry.tool("search"):
        pass


with telemetry.session(agent="support", id="conversation-1"), telemetry.task("answer", source="cli"):
    answer()
