from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from otel_agent_telemetry import Telemetry, contract
from otel_agent_telemetry.contract import (
    Count,
    Enum,
    ErrorCategory,
    Flag,
    Kind,
    ListOf,
    PublicName,
    Ref,
    Tag,
    Usd,
    Version,
)
from otel_agent_telemetry.contract._privacy import privacy_notice
from otel_agent_telemetry.contract._text import json_schema, markdown
from tests.cli.command import ROOT, agent_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.recorder import Recorder

EVENTS = contract.events()


@pytest.fixture
def beta() -> Iterator[None]:
    """A tag that the product declared."""
    contract.tag("channel", "beta", "stable")
    yield
    contract.withdraw("channel")


def example(kind: Kind) -> object:
    """A value that a product might give."""
    if isinstance(kind, Enum):
        return kind.values[0]
    if isinstance(kind, ListOf):
        return [example(kind.item), "neither"]
    examples: dict[type[Kind], object] = {
        Flag: True,
        Usd: 0.0130004,
        Ref: "an identifier of the product's own",
        PublicName: "web_search",
        Tag: "a value of the product's own",
        Version: "1.2.3",
        ErrorCategory: "timeout",
    }
    return examples.get(type(kind), 1234.5)


def errors(body: Any) -> list[str]:
    """What the schema that the repository holds says against a body."""
    schema = json.loads((ROOT / "schema" / "events.schema.json").read_text("utf-8"))
    return [error.message for error in Draft202012Validator(schema).iter_errors(body)]  # pyright: ignore[reportUnknownMemberType] - untyped


def sent(recorder: Recorder, folder: Path, event: str, properties: dict[str, object], **settings: Any) -> Any:
    """The body that comes of one event."""
    given: dict[str, Any] = {"product": "acme-agents", "endpoint": recorder.url, "state_dir": folder, **settings}
    telemetry = Telemetry(notice=False, **given)
    telemetry.track(event, **properties)
    body = recorder.wait(1)[0].json()
    telemetry.shutdown(0)
    return body


@pytest.fixture(autouse=True)
def _events_flow_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_the_schema_takes_every_event(event: contract.Event, recorder: Recorder, tmp_path: Path) -> None:
    """The JSON Schema takes the body of each event as it was received, with every property that it declares."""
    properties = {name: example(kind) for name, kind in event.properties.items() if kind.preset is None}
    body = sent(recorder, tmp_path, event.name, properties, version="2.3.0")
    assert (errors(body), {*body["properties"]}) == ([], {*properties, "version"})


def test_the_schema_takes_an_event_of_a_preset(recorder: Recorder, tmp_path: Path) -> None:
    """The JSON Schema takes the flags that a preset adds."""
    settings = {"preset": "agent-swarm", "product": "agent-swarm", "version": "1.135.0", "source": "worker"}
    assert errors(sent(recorder, tmp_path, "task.started", {"taskId": "1"}, **settings)) == []


@pytest.mark.usefixtures("beta")
def test_a_schema_of_the_product_takes_its_tags(recorder: Recorder, tmp_path: Path) -> None:
    """The schema that a product prints takes its tags, which the one of the repository does not know."""
    body = sent(recorder, tmp_path, "server.shutdown", {"sessionsProcessed": 80}, tags="channel=beta")
    assert (body["properties"], Draft202012Validator(json_schema()).is_valid(body), len(errors(body))) == (  # pyright: ignore[reportUnknownMemberType] - untyped
        {"channel": "beta", "sessionsProcessed": 80},
        True,
        1,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"event": "task.invented"},
        {"host": "a-name"},
        {"actor_anonymous_id": "someone@example.com"},
        {"actor_mode": "identified"},
        {"occurred_at": "2026-11-21T22:00:00.123Z"},
        {"properties": {"text": "hello"}},
        {"properties": {"taskId": "task-1"}},
        {"metadata": {"transport": "https", "schema_version": 1, "environment": "production", "user": "someone"}},
    ],
    ids=str,
)
def test_the_schema_takes_nothing_else(change: dict[str, object]) -> None:
    """The JSON Schema refuses what is not declared, and what is not anonymous."""
    body = {
        "product": "acme-agents",
        "event": "task.started",
        "occurred_at": "2026-11-21T22:00:00.000Z",
        "source": "worker",
        "actor_mode": "anonymous",
        "actor_anonymous_id": "install_0123456789abcdef",
        "properties": {"taskId": "0123456789abcdef"},
        "metadata": {"transport": "https", "schema_version": 1, "environment": "production"},
    }
    assert (errors(body), errors({**body, **change}) != []) == ([], True)


def test_the_schema_is_a_schema() -> None:
    """The JSON Schema is one, of draft 2020-12."""
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(("form", "file"), [("markdown", "TELEMETRY.md"), ("json", "schema/events.schema.json")])
def test_the_files_are_what_the_command_prints(form: str, file: str) -> None:
    """TELEMETRY.md and the JSON Schema are what `agent-telemetry schema` prints; `make schema` writes them anew."""
    done = agent_telemetry("schema", "--format", form)
    assert (done.code, done.err, done.out == (ROOT / file).read_text("utf-8")) == (0, "", True)


def test_json_is_the_default() -> None:
    """Without a format the command prints JSON."""
    assert json.loads(agent_telemetry("schema").out) == json.loads(json.dumps(json_schema()))


def test_the_page_shows_what_the_product_declared() -> None:
    """What a product declares is on the page that it prints."""
    kinds = {"rows": Count(why="their size"), "names": ListOf(PublicName("tools")), "id": Ref("import")}
    contract.event("import.finished", fires="an import ends", why="to see", **kinds)
    page = markdown()
    contract.withdraw("import.finished")
    assert page.partition("\n### `import.finished`\n")[2] == (
        "\nWhen: an import ends. Why: to see. Docker dialect: `import` with action `finished`.\n"
        "\n| property | kind | why |\n|---|---|---|\n"
        "| `rows` | Count | their size |\n| `names` | ListOf PublicName (tools) |  |\n| `id` | Ref (import) |  |\n"
    )


def test_the_privacy_notice_names_every_event_and_field() -> None:
    """What is sent is what users are told, a product's own events included."""
    contract.event("import.finished", rows=contract.Count())
    try:
        notice = privacy_notice()
    finally:
        contract.withdraw("import.finished")
    for event in contract.events().values():
        line = next(line for line in notice.splitlines() if line.startswith(f"- `{event.name}`"))
        assert [field for field in event.properties if field not in line] == []
    assert "- `import.finished`: when the product says so. Fields: rows." in notice
