from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from otel_agent_telemetry import ContractError, Telemetry, _losses, contract
from otel_agent_telemetry.contract import Count, Enum, Event, Flag, ListOf, Version, _contract
from otel_agent_telemetry.contract._text import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.recorder import Recorder

EVER = "2026-11-21T22:00:00.000Z"
RESERVED = "_, not action, fires, os, os_language, user_uuid, version, why"


@pytest.fixture(autouse=True)
def _contract_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes back what a test declared."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    _losses.take()
    before = {*contract.events(), *contract.tags()}
    yield
    for name in {*contract.events(), *contract.tags()} - before:
        contract.withdraw(name)


@pytest.fixture
def telemetry(tmp_path: Path, recorder: Recorder) -> Iterator[Telemetry]:
    """Telemetry of a product, sent to the recorder."""
    given: dict[str, Any] = {"endpoint": recorder.url, "state_dir": tmp_path, "notice": False}
    telemetry = Telemetry(product="acme-agents", tags="channel=beta,plan=of-somebody,other=x", **given)
    yield telemetry
    telemetry.shutdown(0)


def test_declaring_an_event() -> None:
    """A declared event is found by its name, with its reasons, after those of the contract."""
    declared = contract.event(
        "import.finished",
        fires="an import ends",
        why="whether imports are used",
        rows=Count(why="their size"),
        ok=Flag(),
    )
    assert declared == Event(
        name="import.finished",
        fires="an import ends",
        why="whether imports are used",
        properties={"rows": Count(why="their size"), "ok": Flag()},
        docker=("import", "finished"),
        declared_by="product",
    )
    assert (contract.lookup("import.finished"), [*contract.events()][-1]) == (declared, "import.finished")


def test_sending_a_declared_event(telemetry: Telemetry, recorder: Recorder) -> None:
    """A declared event is sent with the properties that it declares; what else is given is left out."""
    contract.event("import.finished", rows=Count(), kind=Enum(("csv", "json")))
    telemetry.track("import.finished", rows=3, kind="customers.csv", path="customers.csv")
    body = recorder.wait(1)[0].json()
    assert (body["event"], body["properties"]) == ("import.finished", {"rows": 3, "kind": "other"})


def test_an_event_that_nobody_declared(telemetry: Telemetry, recorder: Recorder) -> None:
    """An event that nobody declared is counted and not sent."""
    telemetry.track("import.finished", rows=3)
    telemetry.server_shutdown(sessions_processed=80)
    assert telemetry.flush()
    assert [request.json()["event"] for request in recorder.requests] == ["server.shutdown"]


@pytest.mark.parametrize(
    "name",
    ["", "import", "Import.finished", "import.finished.twice", "import finished", "1.2", "import.", "a" * 33 + ".b"],
)
def test_a_malformed_name(name: str) -> None:
    """An event's name is subject.verb in lower case."""
    message = f"contract.event({name!r}): expected subject.verb in lower case, such as 'import.finished'"
    with pytest.raises(ContractError, match=f"^{re.escape(message)}$"):
        contract.event(name)


@pytest.mark.parametrize("name", ["task.started", "import.finished"])
def test_a_name_that_is_taken(name: str) -> None:
    """An event is declared once; those of the contract are."""
    contract.event("import.finished")
    message = f"contract.event({name!r}): already declared; see `agent-telemetry schema --format markdown`"
    with pytest.raises(ContractError, match=f"^{re.escape(message)}$"):
        contract.event(name)


@pytest.mark.parametrize(
    "name", ["version", "os", "os_language", "user_uuid", "action", "två", "2nd", "a b", "_x", "a" * 49]
)
def test_a_wrong_property(name: str) -> None:
    """A property's name is letters, digits and underscores, and none that the envelope has."""
    given: dict[str, Any] = {name: Count()}
    message = f"contract.event('import.finished'): {name!r} is no property name; use letters, digits, {RESERVED}"
    with pytest.raises(ContractError, match=f"^{re.escape(message)}$"):
        contract.event("import.finished", **given)
    assert contract.lookup("import.finished") is None


@pytest.mark.parametrize("kind", [int, "text", None, Count])
def test_a_property_without_a_kind(kind: Any) -> None:
    """There is no property without a kind."""
    message = f"contract.event('import.finished'): rows is {kind!r}; expected a kind such as Count() or Flag()"
    with pytest.raises(ContractError, match=f"^{re.escape(message)}$"):
        contract.event("import.finished", rows=kind)


def test_tags(telemetry: Telemetry, recorder: Recorder) -> None:
    """A tag is sent where the product declared it, with a value that it declared."""
    assert contract.tag("channel", "beta", "stable") == Enum(("beta", "stable"), why="a tag that the product declared")
    contract.tag("plan", "free", "paid")
    telemetry.server_shutdown(sessions_processed=80)
    assert recorder.wait(1)[0].json()["properties"] == {"channel": "beta", "sessionsProcessed": 80}


@pytest.mark.parametrize("name", ["", "release channel", "version", "os", "två", "a.b"])
def test_a_wrong_tag(name: str) -> None:
    """A tag's name is one that a property may have."""
    message = f"contract.tag({name!r}): not a tag name; use letters, digits, {RESERVED}"
    with pytest.raises(ContractError, match=f"^{re.escape(message)}$"):
        contract.tag(name, "beta")


@pytest.mark.parametrize("values", [(), ("",), ("beta", "of somebody"), ("a" * 65,), ("-x",), ("x\n",)])
def test_a_tag_with_free_text(values: tuple[str, ...]) -> None:
    """A tag's values are words that are known beforehand."""
    wrong = [value for value in values if value != "beta"]
    message = (
        f"contract.tag('channel'): declare one or more values of up to 64 letters, digits and _.:- (got {wrong!r})"
    )
    with pytest.raises(ContractError, match=f"^{re.escape(message)}$"):
        contract.tag("channel", *values)


def test_withdrawing() -> None:
    """A product can take back what it declared; the contract's own events stay."""
    contract.event("import.finished")
    contract.tag("channel", "beta")
    for name in ("import.finished", "channel", "task.started", "never.declared"):
        contract.withdraw(name)
    left = (contract.lookup("import.finished"), contract.tags(), contract.lookup("task.started") is not None)
    assert left == (None, {}, True)


def test_looking_changes_nothing() -> None:
    """What events() and tags() give is a copy."""
    contract.events().clear()
    contract.tags()["channel"] = Enum(("beta",))
    assert (len(contract.events()) > 20, contract.tags()) == (True, {})


def test_every_event_says_why() -> None:
    """Each event of the contract says when it fires and why, and why each of its properties is collected."""
    silent = [
        f"{event.name}.{name}"
        for event in contract.events().values()
        for name, kind in {**event.properties, "": Version(why=event.why and event.fires)}.items()
        if not (kind.why or (isinstance(kind, ListOf) and kind.item.why))
    ]
    assert silent == []


@pytest.fixture
def _version_as_it_was() -> Iterator[None]:
    """Takes a raised version back, which a product never does."""
    yield
    _contract._contract.version = contract.VERSION  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - see above


@pytest.mark.usefixtures("_version_as_it_was")
def test_a_later_version(telemetry: Telemetry, recorder: Recorder) -> None:
    """With an event more and its version raised, a contract sends what it sent before, as proxies know to read it."""

    def sent() -> list[dict[str, Any]]:
        telemetry.track("task.started", taskId="t-1", source="slack")
        telemetry.flush(5)
        return [{**request.json(), "occurred_at": ""} for request in recorder.requests]

    [before] = sent()
    contract.event("import.finished", fires="an import ends", why="to see", rows=Count(why="their size"))
    contract.raise_version(contract.version() + 1)
    telemetry.track("import.finished", rows=3)
    _, imported, after = sent()
    schema = json_schema()
    assert after == before
    assert (imported["properties"], imported["metadata"]) == ({"rows": 3}, before["metadata"])
    assert (schema["title"], before["metadata"]["schema_version"]) == (
        f"Anonymous events, contract version {contract.VERSION + 1}",
        contract.SCHEMA_VERSION,
    )
    assert all(Draft202012Validator(schema).is_valid({**body, "occurred_at": EVER}) for body in (imported, after))  # pyright: ignore[reportUnknownMemberType] - untyped


@pytest.mark.parametrize("to", [0, True, "2", 1.5, None])
def test_a_version_that_is_none(to: Any) -> None:
    """A version is a whole number and never goes back."""
    with pytest.raises(
        ContractError, match=rf"^contract.raise_version\(.*\): expected a whole number from {contract.VERSION} on$"
    ):
        contract.raise_version(to)


def test_the_events_of_the_contract() -> None:
    """The contract's events are those of the two clients whose wire formats it speaks."""
    names = """
        server.started server.shutdown task.created task.started task.claimed task.completed task.failed task.cancelled
        task.superseded task.session_completed session.started session.ended session.cost session.failure
        schedule.executed schedule.error workflow.created workflow.deleted workflow.started workflow.completed
        workflow.failed agent.registered compaction.triggered command.executed tool.called token.usage
    """
    assert {*contract.events()} == {*names.split()}
