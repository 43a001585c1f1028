from __future__ import annotations

import pytest

from otel_agent_telemetry import _losses
from otel_agent_telemetry.contract import events
from otel_agent_telemetry.meaning._records import Fact
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser, CleanEvent
from otel_agent_telemetry.pipeline.writing.registries import Registries, public_models

KEY = bytes(range(32))
# 21 November 2026, 22:00:00.123456789 UTC
NOW = 1_795_298_400_123_456_789
REGISTRIES = Registries(
    models=frozenset({"acme-1"}),
    tools=frozenset({"web_search"}),
    agents=frozenset({"planner"}),
    commands=frozenset({"sync"}),
)


@pytest.fixture(autouse=True)
def _nothing_lost_before() -> None:
    """Begins each test with no losses counted."""
    _losses.take()


@pytest.fixture
def anonymiser() -> Anonymiser:
    """An anonymiser of one installation."""
    return Anonymiser(KEY, REGISTRIES)


def cleaned(anonymiser: Anonymiser, event: str, **properties: object) -> dict[str, object]:
    """The properties that are left of a fact."""
    clean = anonymiser.clean(Fact(event, properties, NOW))
    assert clean is not None
    return clean.properties


def test_a_clean_event(anonymiser: Anonymiser) -> None:
    """A fact becomes its declared properties, in the contract's order, and the second in which it happened."""
    fact = Fact("tool.called", {"durationMs": 12.7, "isSuccess": True, "toolName": "web_search"}, NOW)
    properties: dict[str, object] = {"toolName": "web_search", "isSuccess": True, "durationMs": 12}
    expected = CleanEvent(events()["tool.called"], properties, 1_795_298_400)
    clean = anonymiser.clean(fact)
    assert (clean, [*clean.properties] if clean else None) == (expected, [*properties])


def test_references(anonymiser: Anonymiser) -> None:
    """A reference is the keyed BLAKE2b hash of the identifier in its namespace (RFC 7693), 16 hex digits."""
    found = cleaned(anonymiser, "task.started", taskId="task-1", agentId="task-1")
    assert found == {"taskId": "bccc1aae5c40fadc", "agentId": "9dc3107201cdae17"}


def test_references_join_events(anonymiser: Anonymiser) -> None:
    """The same identifier gives the same reference in every event of an installation, as a number too."""
    found = {anonymiser.reference("task", "17") for _ in range(3)}
    found.add(str(cleaned(anonymiser, "task.failed", taskId=17)["taskId"]))
    assert found == {Anonymiser(KEY, Registries()).reference("task", "17")}


def test_references_of_another_installation(anonymiser: Anonymiser) -> None:
    """With another key, or in another namespace, the same identifier gives another reference."""
    other = Anonymiser(b"k" * 32, REGISTRIES)
    found = [anonymiser.reference("task", "1"), anonymiser.reference("agent", "1"), other.reference("task", "1")]
    assert len({*found}) == 3


def test_references_beyond_memory(anonymiser: Anonymiser) -> None:
    """A reference is the same after thousands of others."""
    first = anonymiser.reference("task", "first")
    for number in range(5000):
        anonymiser.reference("task", str(number))
    assert anonymiser.reference("task", "first") == first


def test_odd_identifiers(anonymiser: Anonymiser) -> None:
    """Lone surrogates, NUL and ten megabytes are identifiers like any other."""
    found = {anonymiser.reference("task", identifier) for identifier in ("\ud800", "\0", "a" * 10_000_000)}
    assert [len(reference) for reference in found] == [16, 16, 16]


@pytest.mark.parametrize(
    ("event", "name", "given", "expected"),
    [
        ("tool.called", "toolName", "web_search", "web_search"),
        ("tool.called", "toolName", "Web_Search", "custom"),
        ("tool.called", "toolName", "read_salary_of_someone", "custom"),
        ("tool.called", "agentName", "planner", "planner"),
        ("tool.called", "agentName", "web_search", "custom"),
        ("command.executed", "command", "sync", "sync"),
        ("command.executed", "command", "run", "custom"),
        ("command.executed", "command", "/bin/secret", "custom"),
        ("session.cost", "model", "acme-1", "acme-1"),
        ("session.cost", "model", "gpt-4o", "gpt-4o"),
        ("session.cost", "model", "secret-gateway/gpt-4o", "gpt-4o"),
        ("session.cost", "model", "gpt-4o@2031-01-01", "gpt-4o"),
        ("session.cost", "model", "anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("session.cost", "model", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("session.cost", "model", "llama3.2:3b", "llama3.2"),
        ("session.cost", "model", "my-secret-gpt-4o", "custom"),
        ("session.cost", "model", "gpt-4o" * 30, "custom"),
        ("session.cost", "model", "unknown", "unknown"),
        ("session.cost", "model", "ft:gpt-4o:acme-corp::7p4lURel", "custom"),
        ("session.cost", "model", "secret-deployment", "custom"),
    ],
)
def test_public_names(anonymiser: Anonymiser, event: str, name: str, given: str, expected: str) -> None:
    """A name that its registry knows is sent; any other is custom. A model's date and vendor may go."""
    assert cleaned(anonymiser, event, **{name: given}) == {name: expected}


def test_public_models_fit() -> None:
    """Every public model's name is one that the schema takes."""
    assert [name for name in public_models() if not 1 <= len(name) <= 64 or not name.isprintable()] == []


def test_a_list_of_names(anonymiser: Anonymiser) -> None:
    """In a list each name is looked up."""
    found = cleaned(anonymiser, "agent.registered", capabilities=["web", "secret", 5])
    assert (found, _losses.take()) == ({"capabilities": ["custom", "custom"]}, {})


def test_an_undeclared_event(anonymiser: Anonymiser) -> None:
    """An event that nobody declared is dropped and counted."""
    assert anonymiser.clean(Fact("secret.told", {"text": "secret"}, NOW)) is None
    assert _losses.take() == {"undeclared_event": 1}


def test_undeclared_properties(anonymiser: Anonymiser) -> None:
    """Properties that nobody declared are dropped and counted, each of them."""
    found = cleaned(anonymiser, "server.shutdown", sessionsProcessed=80, host="secret", path="secret", Port=81)
    assert (found, _losses.take()) == ({"sessionsProcessed": 80}, {"undeclared_property": 3})


@pytest.mark.parametrize(("preset", "expected"), [(None, {}), ("agent-swarm", {"port": 80}), ("another", {})])
def test_what_leaves_with_a_preset(preset: str | None, expected: dict[str, object]) -> None:
    """The port leaves with the preset that has it and with no other; left out, it is no loss."""
    clean = Anonymiser(KEY, REGISTRIES, preset=preset).clean(Fact("server.started", {"port": 80}, NOW))
    assert (clean and clean.properties, _losses.take()) == (expected, {})


def test_values_of_a_wrong_type(anonymiser: Anonymiser) -> None:
    """A value of the wrong type is dropped and counted, and the event keeps what is right."""
    found = cleaned(anonymiser, "server.shutdown", signal="SIGTERM", uptimeMs="12", sessionsProcessed=float("nan"))
    assert (found, _losses.take()) == ({"signal": "SIGTERM"}, {"wrong_type": 2})


def test_values_that_are_none(anonymiser: Anonymiser) -> None:
    """A property that is None is one that is not known: left out, and no loss."""
    assert (cleaned(anonymiser, "server.shutdown", sessionsProcessed=None), _losses.take()) == ({}, {})
