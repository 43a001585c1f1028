"""``agent-telemetry audit``: what leaves is led to sinks, kept, and looked through."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from tests.cli.command import Done, agent_telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

FRAMEWORKS = ",".join(entry.name for entry in entry_points(group="opentelemetry_instrumentor"))

PRODUCT = """
    import sys
    import otel_agent_telemetry as telemetry

    endpoint, folder = sys.argv[1:]
    telemetry.configure(product="acme-agents", endpoint=endpoint, state_dir=folder, notice=True)
    with telemetry.session(agent="planner"), telemetry.task("research", source="slack"):
        telemetry.record_tokens("gpt-5.2", input=12, output=30)
    telemetry.flush(10)
    print("printed by the program")
"""


def audit(tmp_path: Path, code: str, *arguments: object, options: tuple[str, ...] = (), **variables: object) -> Done:
    """Audit a program, without the time that importing frameworks takes."""
    file = tmp_path / "program.py"
    file.write_text(dedent(code))
    given = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": FRAMEWORKS, **variables}
    return agent_telemetry("audit", *options, "--", file, *arguments, **given)


def audited(
    tmp_path: Path, code: str, *arguments: object, options: tuple[str, ...] = (), **variables: object
) -> tuple[int, Any]:
    """The exit code, and what is told to machines."""
    done = audit(tmp_path, code, *arguments, options=("--json", *options), **variables)
    return done.code, json.loads(done.out)


def test_a_product(tmp_path: Path, recorder: Recorder) -> None:
    """A product's events and the operator's traces are led to the sinks, whatever the product says; nothing is found.

    The endpoint that it named gets nothing, and the folder that it named stays as it is. ``--keep`` leaves in a folder
    what left, byte for byte.
    """
    state, kept = tmp_path / "state", tmp_path / "kept"
    options = ("--canary", "the secret recipe", "--keep", str(kept))
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": recorder.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    code, shown = audited(tmp_path, PRODUCT, recorder.url, state, options=options, **variables)
    events, waiting, traces = shown["sent"]
    assert (code, shown["found"], shown["our_connections_elsewhere"]) == (0, [], [])
    assert (events["events"] + waiting["events"], events["names"]["session.started"], traces["spans"]) == (7, 1, 3)
    assert [each["canary"] for each in shown["own_texts_in_own_traces"]] == ["planted OTEL_RESOURCE_ATTRIBUTES"]
    assert (recorder.requests, state.exists()) == ([], False)
    head, _, body = min(kept.glob("* events.bin")).read_bytes().partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], json.loads(body)["event"]) == (b"POST /v1/events HTTP/1.1", "session.started")


LEAKS = """
    import base64, hashlib, json, os, socket, sys, urllib.request
    from opentelemetry import trace

    def post(body):
        data = json.dumps(body).encode()
        urllib.request.urlopen(urllib.request.Request(os.environ["AGENT_TELEMETRY_ENDPOINT"], data)).read()

    def span(name, **attributes):
        trace.get_tracer("x").start_span(name, attributes=attributes).end()

    span("y", note=os.environ["AUDIT_SECRET_TOKEN"])
    span(base64.b64encode(b".." + os.environ["AUDIT_EMAIL"].encode()).decode())
    post({"properties": {"user": hashlib.sha256(os.environ["HOME"].encode()).hexdigest()}})
    post({"properties": {"note": "about the SECRET RECIPE of grandma"}})
    reach = "import socket; socket.create_connection(('127.0.0.1', int(port))).close()"
    for name in ("otel_agent_telemetry._planted", "acme.client"):
        exec(reach, {"__name__": name, "port": sys.argv[1]})
    print("printed by the program")
"""


def test_leaks(tmp_path: Path, recorder: Recorder) -> None:
    """A text that left is found, with its field and its form; and so is a connection of our code to somewhere else."""
    (tmp_path / "canaries").write_text("a text that never left\n\nsecret recipe\n")
    code, shown = audited(tmp_path, LEAKS, recorder.port, options=("--canary-file", str(tmp_path / "canaries")))
    assert (code, {(each["canary"], each["field"], each["form"]) for each in shown["found"]}) == (
        1,
        {
            ("planted AUDIT_SECRET_TOKEN", "resourceSpans.scopeSpans.spans.note", "as it is"),
            ("planted AUDIT_EMAIL", "resourceSpans.scopeSpans.spans.name", "base64"),
            ("home", "properties.user", "sha256"),
            ("your canary 2", "properties.note", "in another case"),
        },
    )
    address = f"127.0.0.1:{recorder.port}"
    assert [each["address"] for each in shown["our_connections_elsewhere"]] == [address]
    assert {"address": address, "ours": False, "by": "acme.client"} in shown["connections_of_the_program"]


def test_the_table(tmp_path: Path, recorder: Recorder) -> None:
    """People get tables on standard output, without the texts themselves; the program prints on standard error."""
    done = audit(tmp_path, LEAKS, recorder.port, options=("--canary", "secret recipe"))
    lines = done.out.splitlines()
    assert (done.code, lines[-1], "recipe" in done.out, "printed by the program" in done.err) == (
        1,
        "found: 4",
        False,
        True,
    )
    assert f"our code (otel_agent_telemetry._planted) reached for 127.0.0.1:{recorder.port}" in lines
    assert "the search finds what is there, the planted OTEL_RESOURCE_ATTRIBUTES in your traces: yes" in lines


def test_a_short_canary(tmp_path: Path) -> None:
    """A text that would be found anywhere is refused."""
    done = audit(tmp_path, "", options=("--canary", "abc"))
    assert done == Done(1, "", "agent-telemetry: canary 1 has 3 characters; expected at least 4.\n")


def test_a_command_that_fails(tmp_path: Path) -> None:
    """A command that fails is told apart: not all that it sends may have been seen."""
    done = audit(tmp_path, "raise SystemExit(7)")
    assert (done.code, "the command failed with exit code 7: not all of it may have run" in done.out) == (4, True)


def test_a_command_that_is_stopped(tmp_path: Path) -> None:
    """A server is stopped after some seconds, as by Ctrl-C, which is no failure."""
    code, shown = audited(tmp_path, "import time\ntime.sleep(60)\n", options=("--seconds", "1"))
    assert (code, shown["command"]["stopped"]) == (0, True)


def test_an_opted_out_program(tmp_path: Path) -> None:
    """Of an opted-out program no event is seen, and the rule is named."""
    code, shown = audited(tmp_path, PRODUCT, "https://events.acme.example/", tmp_path, DO_NOT_TRACK="1")
    sent = [each["events"] for each in shown["sent"]]
    assert (code, sent, shown["events_off"]) == (0, [0, 0, 0], "DO_NOT_TRACK: DO_NOT_TRACK=1")
