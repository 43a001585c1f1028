"""For whom the work was done: stored with each step, added up, searched, shown."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_agent_telemetry.cli._sql import sql
from otel_agent_telemetry.cli._usage import usage as usage_command
from otel_agent_telemetry.local import Store, usage
from tests.cli.command import COMMAND, environment
from tests.local.made import Made, any_value, chat, request, tool
from tests.local.older import forget_users
from tests.local.serving import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from playwright.sync_api import Page

    from tests.local.serving import Serving

PROGRAM = """
import otel_agent_telemetry as telemetry

with telemetry.task("report"), telemetry.context(user="u-17"), telemetry.agent("writer"):
    telemetry.record_tokens("gpt-5-mini", input=1200, output=300, provider="openai")
with telemetry.task("other"):
    telemetry.record_tokens("gpt-5-mini", input=10, output=1, provider="openai")
"""


def of_resource(key: str, value: object, *spans: Made, service: str = "shop") -> ExportTraceServiceRequest:
    """A request whose resource has an attribute more."""
    made = request(*spans, service=service)
    made.resource_spans[0].resource.attributes.append(KeyValue(key=key, value=any_value(value)))
    return made


def by_user(store: Store) -> dict[str | None, int | None]:
    """Input tokens of each user."""
    while store.settle():
        pass
    with closing(store.reader()) as connection:
        return {row["key"]: row["input_tokens"] for row in usage(connection, "user")}


@pytest.mark.parametrize(
    ("key", "value", "user"),
    [
        ("user.id", "ann", "ann"),
        ("enduser.id", "ann", "ann"),
        ("enduser.pseudo.id", "QdH5CAWJgqVT4rOr0qtumf", "QdH5CAWJgqVT4rOr0qtumf"),
        ("langfuse.user.id", "ann", "ann"),
        ("traceloop.association.properties.user_id", "ann", "ann"),
        ("lmnr.association.properties.user_id", "ann", "ann"),
        ("ai.telemetry.metadata.userId", "ann", "ann"),
        ("user.id", 17, "17"),
        ("user.id", "", None),
        ("user.id", True, None),
        ("user.name", "Ann", None),
        ("app.user_id", "ann", None),
    ],
)
def test_a_span_names_its_user(store: Store, key: str, value: object, user: str | None) -> None:
    """By the conventions and the dialects; what is no id, and what has another name, is none."""
    store.add_spans(request(Made(attributes={**chat(), key: value})))
    assert by_user(store) == {user: 100}


def test_a_user_comes_down_to_what_is_below(store: Store) -> None:
    """From the nearest span above, whatever it stands for; what is beside it works for nobody that is known."""
    store.add_spans(
        request(
            Made(id=1, name="GET /", attributes={"enduser.id": "ann"}),
            Made(id=2, parent=1, attributes=chat(given=1)),
            Made(id=3, parent=1, attributes={"user.id": "bob"}),
            Made(id=4, parent=3, attributes=chat(given=20)),
        )
    )
    store.add_spans(request(Made(id=5, attributes=chat(given=300)), trace=2))
    assert by_user(store) == {"ann": 1, "bob": 20, None: 300}


def test_a_user_that_arrives_late_comes_down_too(store: Store) -> None:
    """The root of a trace ends last: its user is theirs as soon as it is there."""
    store.add_spans(request(Made(id=2, parent=1, attributes=chat())))
    assert by_user(store) == {None: 100}
    store.add_spans(request(Made(id=1, attributes={"user.id": "ann"})))
    assert by_user(store) == {"ann": 100}


def test_a_resource_names_the_user_of_what_says_nothing(store: Store) -> None:
    """A desktop program has one user; a span of it that names another one knows better."""
    store.add_spans(
        of_resource(
            "user.id",
            "ann",
            Made(id=1, attributes=chat(given=1)),
            Made(id=2, attributes={**chat(given=20), "user.id": "bob"}),
        )
    )
    assert by_user(store) == {"ann": 1, "bob": 20}


def test_who_uses_a_coding_agent_is_content(store: Store) -> None:
    """Its telemetry names one person; neither its spans nor its resource are asked."""
    said: dict[str, object] = {
        "user.id": "someone",
        "gen_ai.request.model": "claude",
        "input_tokens": 5,
        "output_tokens": 1,
    }
    store.add_spans(
        of_resource("user.id", "someone", Made(name="claude_code.llm_request", attributes=said), service="claude-code")
    )
    assert set(by_user(store)) <= {None}
    with closing(store.reader()) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone()[0] == 0


def test_users_go_with_their_spans(store: Store) -> None:
    """What says for whom a span worked is let go with it."""
    store.add_spans(request(Made(attributes={"user.id": "ann"})))
    with store.writing() as connection:
        connection.execute("DELETE FROM spans")
        assert connection.execute("SELECT count(*) FROM users").fetchone()[0] == 0


def test_an_older_store_learns_its_users(tmp_path: Path) -> None:
    """Spans that a release without users stored are read again when the store is opened."""
    db = tmp_path / "traces.sqlite"
    with closing(Store(db)) as store:
        store.add_spans(request(Made(id=1, attributes={"user.id": "ann"}), Made(id=2, parent=1, attributes=chat())))
        with store.writing() as connection:
            forget_users(connection)
    with closing(Store(db)) as store:
        assert by_user(store) == {"ann": 100}


def test_from_the_program_to_the_terminal(tmp_path: Path, server: Serving) -> None:
    """What ``telemetry.context(user=...)`` says is added up by user, found by a query and given in SQL."""
    variables = environment(OTEL_EXPORTER_OTLP_ENDPOINT=server.url, HOME=tmp_path, TELEMETRY_ENABLED=0)
    subprocess.run([*COMMAND, "run", "--", sys.executable, "-c", PROGRAM], env=variables, check=True, timeout=60)
    wait_until(lambda: server.count("traces") == 2, "both traces")
    server.settled()
    done = CliRunner().invoke(usage_command, ["--db", str(server.path), "--by", "user", "--json"])
    assert {row["key"]: row["input_tokens"] for row in json.loads(done.stdout)} == {"u-17": 1200, None: 10}
    assert [trace["name"] for trace in server.get("/api/traces?q=user:u-17")["traces"]] == ["task report"]
    assert [trace["name"] for trace in server.get("/api/traces?user=u-*")["traces"]] == ["task report"]
    assert [trace["name"] for trace in server.get("/api/traces?q=-user:u-17")["traces"]] == ["task other"]
    assert server.get("/api/facets")["users"] == ["u-17"]
    asked = CliRunner().invoke(sql, ["--db", str(server.path), "--csv", "SELECT DISTINCT user FROM model_calls"])
    assert asked.stdout.split() == ["user", "u-17", '""']


def test_use_is_stacked_by_user(page: Page, server: Serving) -> None:
    """Chart and table have each of them; a row leads to the traces of its user, and completion knows the users."""
    server.store.add_spans(request(Made(id=1, attributes={**chat(given=300, made=0), "user.id": "ann"})))
    server.store.add_spans(request(Made(attributes={**chat(given=20, made=0), "user.id": "bob b"}), trace=2))
    server.store.add_spans(request(Made(attributes=tool()), trace=3))
    server.settled()
    page.goto(f"{server.url}/?view=usage")
    page.get_by_label("Group by").select_option("user")
    page.get_by_role("application", name="tokens by user, each hour").focus()
    page.get_by_text("2026-11-21 22:00 UTC: ann 300, bob b 20").wait_for()
    keys: list[Any] = page.locator("table.stacked tbody tr td:first-child").all_inner_texts()
    assert keys == ["ann", "bob b", "(none)"]
    page.get_by_role("link", name="bob b").click()
    page.get_by_role("button", name='Change user:"bob b"').wait_for()
    assert page.locator("table.stacked tbody tr").count() == 1
    page.get_by_role("combobox", name="Search").fill("user:a")
    page.get_by_role("option", name="ann").wait_for()


def test_a_thousand_users_are_a_table_of_two_hundred(page: Page, server: Serving) -> None:
    """Those with the most tokens; the page says so, and the API gives as many as are asked for, in the order of all."""
    for number in range(1, 301):
        said = {**chat("gpt-4o", given=1000 - number), "user.id": f"user-{number:03}"}
        server.store.add_spans(request(Made(attributes=said), trace=number))
    server.settled()
    page.goto(f"{server.url}/?view=usage&by=user")
    page.get_by_text("These are the 200 with the most tokens; agent-telemetry usage --by user has all.").wait_for()
    keys: list[str] = page.locator("table.stacked tbody tr td:first-child").all_inner_texts()
    assert keys == [f"user-{number:03}" for number in range(1, 201)]
    every = server.get("/api/usage?by=user")
    some = server.get("/api/usage?by=user&limit=7")
    assert (len(every["usage"]), every["is_all"], some) == (300, True, {"usage": every["usage"][:7], "is_all": False})
