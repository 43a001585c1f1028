"""What each kind of lifecycle call looks like as a span: name, kind, id and the attributes that it starts with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.trace import SpanKind

from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.lifecycle import _carrier
from otel_agent_telemetry.lifecycle._attributes import attributes, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import AttributeValue

__all__ = ["TEMPLATES", "Template", "named"]


class Template(NamedTuple):
    """A span to be."""

    name: str
    kind: SpanKind
    id: str | None
    attributes: dict[str, AttributeValue]


def named(operation: object, name: object) -> str:
    """A span's name: the operation, and of what where that has a name."""
    usable = value_of(f"{operation} {name}" if isinstance(name, str) and name else operation)
    return usable if isinstance(usable, str) else "unknown"


def _template(
    operation: str,
    name: object,
    given: dict[str, object],
    *,
    known_as: object = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Template:
    kept = attributes(given.items())
    identifier = value_of(known_as)
    return Template(named(operation, name), kind, None if identifier is None else str(identifier), kept)


def _session(given: Mapping[str, object]) -> Template:
    session_id = given["id"] or os.urandom(16).hex()
    return _template(
        "session",
        given["agent"],
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_SESSION,
            names.GEN_AI_CONVERSATION_ID: session_id,
            names.GEN_AI_AGENT_NAME: given["agent"],
            names.GEN_AI_AGENT_ID: given["agent_id"],
            names.AGENT_SESSION_HARNESS: given["harness_provider"],
            names.AGENT_SESSION_ROLE: given["role"],
            names.AGENT_TASK_ID: given["task_id"],
            names.GEN_AI_REQUEST_MODEL: given["model"],
        },
        known_as=session_id,
    )


def _task(given: Mapping[str, object]) -> Template:
    carrier = given.get("carrier")
    if isinstance(carrier, Mapping):
        return _continued(carrier, given)  # pyright: ignore[reportUnknownArgumentType] - text is checked where it is read
    task_id = given.get("id") or os.urandom(16).hex()
    return _template(
        "task",
        given["name"],
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_TASK,
            names.AGENT_TASK_ID: task_id,
            names.AGENT_TASK_NAME: given["name"],
            names.AGENT_TASK_SOURCE: given.get("source"),
            names.AGENT_TASK_PRIORITY: given.get("priority"),
            names.AGENT_TASK_TAGS: given.get("tags"),
            names.AGENT_TASK_HAS_PARENT: given.get("has_parent"),
            names.AGENT_TASK_CREATED: given.get("created"),
            names.AGENT_TASK_CLAIMED: given.get("claimed") or None,
            names.AGENT_SESSION_HARNESS: given.get("harness_provider"),
            names.GEN_AI_AGENT_NAME: given["agent"],
            names.GEN_AI_AGENT_ID: given["agent_id"],
        },
        known_as=task_id,
    )


def _continued(carrier: Mapping[str, object], given: Mapping[str, object]) -> Template:
    name = given["name"] or _carrier.text(carrier, "task_name")
    task_id = _carrier.text(carrier, "task_id") or os.urandom(16).hex()
    return _template(
        "task",
        name,
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_TASK,
            names.AGENT_TASK_ID: task_id,
            names.AGENT_TASK_NAME: name,
            names.AGENT_TASK_SOURCE: _carrier.text(carrier, "task_source"),
            names.AGENT_TASK_CREATED_AT: _carrier.created_at_ms(carrier),
            names.AGENT_TASK_ATTEMPT: _carrier.number(carrier, "task_attempt"),
            names.AGENT_TASK_CLAIMED: given["claimed"] or None,
            names.AGENT_SESSION_HARNESS: given.get("harness_provider"),
            names.GEN_AI_CONVERSATION_ID: _carrier.text(carrier, "session_id"),
            names.GEN_AI_AGENT_NAME: given["agent"],
            names.GEN_AI_AGENT_ID: given["agent_id"],
        },
        known_as=task_id,
        kind=SpanKind.CONSUMER,
    )


def _tool(given: Mapping[str, object]) -> Template:
    return _template(
        names.OPERATION_EXECUTE_TOOL,
        given["name"],
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_TOOL,
            names.GEN_AI_OPERATION_NAME: names.OPERATION_EXECUTE_TOOL,
            names.GEN_AI_TOOL_NAME: given["name"],
            names.GEN_AI_TOOL_CALL_ID: given["call_id"],
            names.GEN_AI_AGENT_NAME: given["agent"],
            names.GEN_AI_CONVERSATION_ID: given["session_id"],
        },
        known_as=given["call_id"],
    )


def _agent(given: Mapping[str, object]) -> Template:
    return _template(
        names.OPERATION_INVOKE_AGENT,
        given["name"],
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_AGENT,
            names.GEN_AI_OPERATION_NAME: names.OPERATION_INVOKE_AGENT,
            names.GEN_AI_AGENT_NAME: given["name"],
            names.GEN_AI_AGENT_ID: given["id"],
        },
        known_as=given["id"],
    )


def _model_call(given: Mapping[str, object]) -> Template:
    return _template(
        str(given["operation"]),
        given["model"],
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_MODEL_CALL,
            names.GEN_AI_OPERATION_NAME: given["operation"],
            names.GEN_AI_PROVIDER_NAME: given["provider"],
            names.GEN_AI_REQUEST_MODEL: given["model"],
        },
        kind=SpanKind.CLIENT,
    )


def _command(given: Mapping[str, object]) -> Template:
    program, name = given["program"], given["name"]
    path = f"{program} {name}".strip() if isinstance(program, str) else name
    return _template(
        "command",
        path,
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_COMMAND,
            names.AGENT_COMMAND_NAME: path,
            names.AGENT_COMMAND_PROGRAM: program,
        },
    )


def _workflow(given: Mapping[str, object]) -> Template:
    workflow_id = given["id"] or os.urandom(16).hex()
    return _template(
        names.OPERATION_INVOKE_WORKFLOW,
        given["name"],
        {
            names.AGENT_LIFECYCLE: names.LIFECYCLE_WORKFLOW,
            names.GEN_AI_OPERATION_NAME: names.OPERATION_INVOKE_WORKFLOW,
            names.GEN_AI_WORKFLOW_NAME: given["name"],
            names.AGENT_WORKFLOW_ID: workflow_id,
            names.AGENT_WORKFLOW_NODES: given["node_count"],
            names.AGENT_WORKFLOW_TRIGGER: given["trigger"],
        },
        known_as=workflow_id,
    )


TEMPLATES: dict[str, Callable[[Mapping[str, object]], Template]] = {
    names.LIFECYCLE_SESSION: _session,
    names.LIFECYCLE_TASK: _task,
    names.LIFECYCLE_TOOL: _tool,
    names.LIFECYCLE_AGENT: _agent,
    names.LIFECYCLE_MODEL_CALL: _model_call,
    names.LIFECYCLE_COMMAND: _command,
    names.LIFECYCLE_WORKFLOW: _workflow,
}
