"""OpenTelemetry for agent services: traces and metrics for the operator, anonymous lifecycle events for the maintainer.

    import otel_agent_telemetry as telemetry

    telemetry.configure(product="acme-agents", source="api-server", version="2.3.0")
    with telemetry.session(agent="planner"), telemetry.task("research", source="slack"):
        with telemetry.tool("web_search"):
            ...

Importing this package imports neither OpenTelemetry nor requests; an opted-out program never does.
"""

from __future__ import annotations

from otel_agent_telemetry._runtime import (
    Telemetry,
    active,
    configure,
    decision,
    flush,
    installation_endpoint,
    shutdown,
)
from otel_agent_telemetry.consent import Decision
from otel_agent_telemetry.lifecycle import DEFAULT, Handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from typing import Any

    from otel_agent_telemetry import contract
    from otel_agent_telemetry.errors import (
        ContractError,
        InputError,
        LedgerError,
        SettingError,
        StoreError,
        TelemetryError,
    )
    from otel_agent_telemetry.harnesses import Harness
    from otel_agent_telemetry.identity import FileStore, HTTPStore, SQLStore

__all__ = [
    "ContractError",
    "Decision",
    "FileStore",
    "HTTPStore",
    "Handle",
    "InputError",
    "LedgerError",
    "SQLStore",
    "SettingError",
    "StoreError",
    "Telemetry",
    "TelemetryError",
    "active",
    "agent",
    "attached",
    "cancel_task",
    "carrier",
    "child_environment",
    "command",
    "configure",
    "context",
    "contract",
    "create_task",
    "current_session",
    "current_task",
    "decision",
    "declare_source",
    "fail_task",
    "feedback",
    "flush",
    "harness",
    "installation_endpoint",
    "is_model_call",
    "model_call",
    "record_tokens",
    "run_task",
    "server_shutdown",
    "server_started",
    "session",
    "shutdown",
    "supersede_task",
    "task",
    "tool",
    "track",
    "track_command",
    "track_tool",
    "workflow",
]

session = DEFAULT.session
task = DEFAULT.task
run_task = DEFAULT.run_task
create_task = DEFAULT.create_task
cancel_task = DEFAULT.cancel_task
fail_task = DEFAULT.fail_task
supersede_task = DEFAULT.supersede_task
tool = DEFAULT.tool
agent = DEFAULT.agent
model_call = DEFAULT.model_call
command = DEFAULT.command
workflow = DEFAULT.workflow
record_tokens = DEFAULT.record_tokens
track = DEFAULT.track
track_command = DEFAULT.track_command
track_tool = DEFAULT.track_tool
feedback = DEFAULT.feedback
context = DEFAULT.context
server_started = DEFAULT.server_started
server_shutdown = DEFAULT.server_shutdown
declare_source = DEFAULT.declare_source
current_session = DEFAULT.current_session
current_task = DEFAULT.current_task
carrier = DEFAULT.carrier
attached = DEFAULT.attached
child_environment = DEFAULT.child_environment

_ERRORS = frozenset({"ContractError", "InputError", "LedgerError", "SettingError", "StoreError", "TelemetryError"})
_STORES = frozenset({"FileStore", "HTTPStore", "SQLStore"})


def is_model_call(span: object) -> bool:
    """Whether a span stands for a call of a model, in any dialect: for instrumentations that leave out what is inside.

    ``span`` is an OpenTelemetry span that has begun. One that shows no attributes is none.
    """
    attributes: Any = getattr(span, "attributes", None)
    if not attributes:
        return False
    from otel_agent_telemetry.meaning import kinds

    return kinds.kind_of(attributes) in (kinds.MODEL, kinds.EMBEDDING)


def harness(
    command: Sequence[str | os.PathLike[str]],
    *,
    task: str | Mapping[str, str] | None = None,
    read: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Harness:
    """A coding agent (claude, codex, gemini, qwen, copilot, opencode, pi, docker-agent) as a process of this service.

        with telemetry.harness(["codex", "exec", "--json", prompt], task="review", read=True) as process:
            for line in process.stdout:
                ...

    ``async with`` gives an :class:`asyncio.subprocess.Process`. The environment gets what makes the coding agent report
    to your collector, and the current trace. ``task`` is the name of a task that this run is, or a carrier of
    :func:`create_task`; without it the run belongs to the task around. With ``read`` standard output is a pipe to you,
    unchanged, and where it has JSON lines, session, model, tokens, cost, tools and outcome are read on their way.
    ``options`` go to :class:`subprocess.Popen` or :func:`asyncio.create_subprocess_exec`. At the end of the block the
    process is waited for; where the block raised, it is stopped. Any other command just runs.
    """
    from otel_agent_telemetry.harnesses import Harness

    return Harness(DEFAULT, command, task=task, read=read, env=env, cwd=cwd, **options)


def __getattr__(name: str) -> object:
    """The names that few programs use, imported when they are."""
    import importlib

    if name == "contract":
        return importlib.import_module("otel_agent_telemetry.contract")
    if name in _ERRORS:
        return getattr(importlib.import_module("otel_agent_telemetry.errors"), name)
    if name in _STORES:
        return getattr(importlib.import_module("otel_agent_telemetry.identity"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return [*__all__]
