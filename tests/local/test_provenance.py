"""What the page says of a field's origin is where the event has it from."""

from __future__ import annotations

import pytest

from otel_agent_telemetry.local.read.left._provenance import property_sources
from otel_agent_telemetry.meaning import Fact, Meaning
from tests.meaning.spans import own

OF_TASK = ("taskId", "source", "provider", "harnessVariant", "hasParent", "priority")
READ: list[tuple[str, str, dict[str, object], tuple[str, ...]]] = [
    ("session", "session.started", {}, ("agentId", "harnessProvider", "model", "role", "sessionId", "agentName")),
    ("task", "task.created", {"agent.task.created": True}, OF_TASK),
    ("workflow", "workflow.started", {"agent.workflow.id": "w"}, ("workflowId", "nodeCount", "triggerType")),
    ("workflow", "workflow.completed", {}, ("workflowId", "stepsCompleted", "stepsFailed")),
    ("command", "command.executed", {}, ("command", "exitCode")),
]


@pytest.mark.parametrize(
    ("kind", "event", "given", "name"),
    [(kind, event, given, name) for kind, event, given, names in READ for name in names],
)
def test_the_attribute_that_is_named_is_the_one_that_is_read(
    kind: str, event: str, given: dict[str, object], name: str
) -> None:
    """A span that has a value there, and nothing else to say, becomes an event with that value."""
    attribute = property_sources(event, name)[-1]
    span = own(1, kind)
    span = span._replace(attributes={**span.attributes, **given, attribute: "planted"})
    meaning = Meaning()
    told = [*meaning.start(span._replace(end_ns=0)), *meaning.end(span)]
    assert [fact.properties.get(name) for fact in told if isinstance(fact, Fact) and fact.event == event] == ["planted"]
