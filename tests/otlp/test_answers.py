"""What comes out again of what people have is JSON that every program reads."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from otel_agent_telemetry.cli import main
from otel_agent_telemetry.local import Imported, Store, import_line
from tests.local.serving import JSON, Serving
from tests.otlp.ways import call, document, text

if TYPE_CHECKING:
    from pathlib import Path

TRACE, SPAN = call()["traceId"], call()["spanId"]
NUMBERS = [{"key": key, "value": {"doubleValue": key}} for key in ("NaN", "Infinity", "-Infinity")]
SAID = [
    text("gen_ai.prompt", '{"score": NaN, "most": 1e999, "cut": "\\ud83e"}'),
    text("input.value", "[" * 800 + "]" * 800),
]
GIVEN = json.dumps(document(call(more=[*NUMBERS, *SAID])))


def strictly(written: str | bytes) -> Any:
    """The document, where it is JSON as the standard has it."""

    def refuse(constant: str) -> object:
        pytest.fail(f"{constant} is no JSON")

    return json.loads(written, parse_constant=refuse)


def test_the_page_gets_json(tmp_path: Path) -> None:
    """A span's details have null for a number that is none."""
    with Serving(tmp_path / "x.sqlite") as server:
        assert server.post("/v1/traces", GIVEN.encode(), JSON).json() == {}
        shown = strictly(server.send("GET", f"/api/traces/{TRACE}/spans/{SPAN}").body)["attributes"]
        strictly(server.send("GET", f"/api/traces/{TRACE}/conversation").body)
    assert {pair["key"]: shown[pair["key"]] for pair in NUMBERS} == {"NaN": None, "Infinity": None, "-Infinity": None}


@pytest.mark.parametrize(
    "command",
    [["traces"], ["show", TRACE, "--content"], ["usage"], ["sessions"], ["tail", "--from-start", "--limit", "1"]],
)
def test_programs_get_json(command: list[str], tmp_path: Path) -> None:
    """``--json`` is JSON, also of what was said in JSON that is none, with half a pair, or too deep."""
    with closing(Store(tmp_path / "x.sqlite")) as store:
        import_line(store, GIVEN, Imported())
    done = CliRunner().invoke(main, [*command, "--json", "--db", str(tmp_path / "x.sqlite")])
    assert (done.exit_code, done.exception) == (0, None)
    strictly(done.stdout)


def test_people_get_text(tmp_path: Path) -> None:
    """What was said is printed, whatever it is."""
    with closing(Store(tmp_path / "x.sqlite")) as store:
        import_line(store, GIVEN, Imported())
    done = CliRunner().invoke(main, ["show", TRACE, "--content", "--db", str(tmp_path / "x.sqlite")])
    assert (done.exit_code, '"most": null' in done.stdout) == (0, True)


def test_an_export_is_json_and_comes_back(tmp_path: Path) -> None:
    """Exported lines name such numbers as protobuf does, and reading them gives the same again."""
    with closing(Store(tmp_path / "x.sqlite")) as store:
        import_line(store, GIVEN, Imported())
    exported = CliRunner().invoke(main, ["export", "--db", str(tmp_path / "x.sqlite")]).stdout
    (span,) = strictly(exported)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [pair for pair in span["attributes"] if "doubleValue" in pair["value"]] == NUMBERS
    CliRunner().invoke(main, ["import", "-", "--db", str(tmp_path / "y.sqlite")], input=exported.encode())
    assert CliRunner().invoke(main, ["export", "--db", str(tmp_path / "y.sqlite")]).stdout == exported
