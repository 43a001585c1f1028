"""Teams of AutoGen's AgentChat, whose agents would otherwise be as many sessions.

AutoGen has spans of its own for agents and tools, on the global provider and always on; model calls come from the
instrumentation of the model's client. What is missing is what holds a team's run together: each of its agents begins a
trace of its own. Hook: ``BaseGroupChat.run_stream``, which ``run`` calls; a team is a session, and its id lasts as long
as the team does. A team inside another, or inside a session of the program's own, belongs to that. The runtime puts
each message that it passes on into its spans (``SingleThreadedAgentRuntime._create_otel_attributes``); here it is left
out unless OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["AutoGenInstrumentor"]

_HARNESS = "autogen"
_MESSAGE = "message"


class AutoGenInstrumentor(FrameworkInstrumentor):
    """Reports the runs of AutoGen's teams, and keeps messages out of what AutoGen reports."""

    requires: ClassVar[tuple[str, ...]] = ("autogen-agentchat >= 0.7, < 0.8",)

    def install(self, hooks: Hooks) -> None:
        """Hook the run of a team, and what the runtime's spans say of a message."""
        hooks.when_imported(
            "autogen_agentchat.teams._group_chat._base_group_chat",
            lambda module: hooks.wrap(module.BaseGroupChat, "run_stream", _run_stream),
        )
        hooks.when_imported(
            "autogen_core._single_threaded_agent_runtime",
            lambda module: hooks.wrap(module.SingleThreadedAgentRuntime, "_create_otel_attributes", _attributes),
        )


def _run_stream(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    session = _session(instance)
    return wrapped(*args, **kwargs) if session is None else session(wrapped)(*args, **kwargs)


@quiet
def _session(team: Any) -> Any:
    if telemetry.current_session() is not None:
        return None
    return telemetry.session(agent=team.name, id=team._team_id, harness_provider=_HARNESS)  # noqa: SLF001 - nothing public lasts as long


async def _attributes(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    found = await wrapped(*args, **kwargs)
    return found if _is_wanted() else {name: value for name, value in found.items() if name != _MESSAGE}


@quiet
def _is_wanted() -> bool:
    return wants_content()
