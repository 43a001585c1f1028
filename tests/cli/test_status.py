from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.cli.command import Done, agent_telemetry, program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

SERVICE = """
    import sys
    import otel_agent_telemetry as telemetry

    endpoint = sys.argv[1] if len(sys.argv) > 1 else None
    telemetry.configure(product="acme-agents", endpoint=endpoint, dialect="docker", opt_out_env="ACME_TELEMETRY")
    telemetry.server_started(port=80)
    telemetry.flush(10)
"""
NOWHERE = "events are recorded, nowhere to send, until AGENT_TELEMETRY_ENDPOINT or configure(endpoint=) says where"
RULES = [
    "DO_NOT_TRACK",
    "ANONYMIZED_TELEMETRY",
    "TELEMETRY_ENABLED",
    "product_variable",
    "OTEL_SDK_DISABLED",
    "managed_policy",
    "stored_choice",
    "argument",
    "test_run",
]


def keep_an_event(folder: Path, product: str = "acme-agents") -> None:
    """Put one event into the ledger of a product."""
    ledger = Ledger(ledger_file(str(folder), product))
    ledger.append([("task.started", b"{}", "application/json", "key-1", 1.8e9)])
    ledger.count_drops({"queue_full": 2})
    ledger.close()


def status(folder: Path, *arguments: str, **variables: object) -> tuple[int, Any]:
    """Exit code of ``agent-telemetry status --json``, and what it printed."""
    done = agent_telemetry("status", "--json", "--state-dir", folder, *arguments, **variables)
    assert done.err == ""
    return done.code, json.loads(done.out)


def test_on(tmp_path: Path) -> None:
    """Where nothing says no, the exit code is 0, and the JSON says what holds."""
    said = {"rule": "default", "reason": "no rule switches it off"}
    rules = [{"rule": rule, "says": "on", "reason": "does not switch it off"} for rule in RULES]
    where: dict[str, object] = {
        "product": None,
        "products": [],
        "endpoint": None,
        "endpoints": {},
        "dialect": "proxy",
        "last_run": None,
        "state_dir": str(tmp_path),
    }
    shown = {
        "enabled": True,
        **said,
        "rules": rules,
        **where,
        "operator_exporter": False,
        "ledger": None,
        "other_ledgers": [],
    }
    assert status(tmp_path) == (0, shown)


def test_off(tmp_path: Path) -> None:
    """Where a rule says no, the exit code is 3, and every rule's verdict is there."""
    code, shown = status(tmp_path, TELEMETRY_ENABLED="off", OTEL_SDK_DISABLED="true")
    said = {rule["rule"]: rule["reason"] for rule in shown["rules"] if rule["says"] == "off"}
    decided = (code, shown["enabled"], shown["rule"], shown["reason"])
    assert decided == (3, False, "TELEMETRY_ENABLED", "TELEMETRY_ENABLED=off")
    assert said == {"TELEMETRY_ENABLED": "TELEMETRY_ENABLED=off", "OTEL_SDK_DISABLED": "OTEL_SDK_DISABLED=true"}


def test_the_variable_of_a_product(tmp_path: Path) -> None:
    """``--opt-out-env`` asks the product's own variable too."""
    codes = [status(tmp_path, *given, ACME_TELEMETRY="0")[0] for given in ([], ["--opt-out-env", "ACME_TELEMETRY"])]
    assert codes == [0, 3]


def test_what_waits(tmp_path: Path) -> None:
    """Of a product that has a ledger, status shows what is in it and what was lost."""
    keep_an_event(tmp_path)
    _, shown = status(tmp_path, AGENT_TELEMETRY_ENDPOINT="https://telemetry.example", OTEL_TRACES_EXPORTER="console")
    ledger = {"pending": 1, "sent": 0, "dropped": 0, "lost": {"queue_full": 2}, "last_send": None}
    found = {name: shown[name] for name in ("product", "endpoint", "operator_exporter", "ledger")}
    about = {"product": "acme-agents", "endpoint": "https://telemetry.example", "operator_exporter": True}
    assert found == {**about, "ledger": ledger}


def test_in_words(tmp_path: Path) -> None:
    """Without ``--json`` it says the same in words."""
    keep_an_event(tmp_path)
    done = agent_telemetry("status", "--state-dir", tmp_path, DO_NOT_TRACK="1")
    lines = done.out.splitlines()
    assert (done.code, done.err, lines[0]) == (3, "", "anonymous events: off (rule DO_NOT_TRACK: DO_NOT_TRACK=1)")
    assert lines[1:3] == [
        "  off  DO_NOT_TRACK           DO_NOT_TRACK=1",
        "  on   ANONYMIZED_TELEMETRY   does not switch it off",
    ]
    assert lines[10:] == [
        "product: acme-agents",
        f"destination: none: {NOWHERE}",
        f"state directory: {tmp_path}",
        "the operator's own exporter: none",
        "in the ledger: 1 pending, 0 sent, 0 dropped",
        "lost: 2 queue_full",
        "last sent: never",
    ]


def test_a_destination_that_code_alone_says(recorder: Recorder, tmp_path: Path) -> None:
    """Where the product's code alone says where events go, in which dialect, and its own variable, status knows it."""
    done = program(SERVICE, recorder.url, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    lines = agent_telemetry("status", "--state-dir", tmp_path).out.splitlines()
    code, shown = status(tmp_path, ACME_TELEMETRY="0")
    run = {"endpoint": recorder.url, "dialect": "docker", "rule": "default", "opt_out_env": "ACME_TELEMETRY"}
    assert (done, lines[11]) == (
        Done(0, "", ""),
        f"destination: {recorder.url}, in the docker dialect, as of the last run",
    )
    assert re.fullmatch(r"last run: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, events on \(rule default\)", lines[12])
    assert re.fullmatch(r"last sent: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", lines[-1])
    assert (code, shown["rule"], shown["endpoint"], shown["dialect"]) == (3, "product_variable", recorder.url, "docker")
    assert {name: shown["last_run"][name] for name in run} == run


def test_a_run_that_was_opted_out(tmp_path: Path) -> None:
    """The rule that decided in the last run is the one that a run with a no of its own had."""
    program(SERVICE, AGENT_TELEMETRY_STATE_DIR=tmp_path)
    program(SERVICE, AGENT_TELEMETRY_STATE_DIR=tmp_path, ACME_TELEMETRY="off")
    _, shown = status(tmp_path)
    assert (shown["last_run"]["rule"], shown["last_run"]["endpoint"]) == ("product_variable", None)
    assert shown["ledger"]["pending"] == 0


def test_status_of_several_products(tmp_path: Path) -> None:
    """Where several products keep their state, the status, which is the same for all, names them."""
    keep_an_event(tmp_path, "acme-agents")
    keep_an_event(tmp_path, "other-agents")
    done = agent_telemetry("status", "--state-dir", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[10:13] == [
        "products: acme-agents, other-agents; --product NAME shows one",
        f"destination of acme-agents: none: {NOWHERE}",
        f"destination of other-agents: none: {NOWHERE}",
    ]


@pytest.mark.parametrize("command", ["events", "forget"])
def test_several_products(tmp_path: Path, command: str) -> None:
    """Where several products keep their state, the command asks which one is meant."""
    keep_an_event(tmp_path, "acme-agents")
    keep_an_event(tmp_path, "other-agents")
    message = (
        f"agent-telemetry: 2 products keep their state in {tmp_path}: acme-agents, other-agents; add --product NAME.\n"
    )
    assert agent_telemetry(command, "--state-dir", tmp_path) == Done(1, "", message)


@pytest.mark.parametrize("command", ["status", "events", "forget", "on", "off"])
def test_a_wrong_setting(tmp_path: Path, command: str) -> None:
    """A wrong setting is one line on standard error, and exit code 1."""
    done = agent_telemetry(command, "--state-dir", tmp_path, AGENT_TELEMETRY_DIALECT="latin")
    message = (
        "agent-telemetry: AGENT_TELEMETRY_DIALECT or configure(dialect=) is 'latin'; expected one of proxy, docker."
        " `agent-telemetry doctor` checks all settings.\n"
    )
    assert done == Done(1, "", message)


@pytest.mark.parametrize("command", ["status", "events", "forget"])
def test_a_file_as_state_directory(tmp_path: Path, command: str) -> None:
    """A file where the state directory should be is one line on standard error, and exit code 1."""
    file = tmp_path / "file"
    file.touch()
    words = f"{file} cannot be read (Not a directory); set AGENT_TELEMETRY_STATE_DIR to a folder that can.\n"
    assert agent_telemetry(command, AGENT_TELEMETRY_STATE_DIR=file) == Done(1, "", f"agent-telemetry: {words}")
