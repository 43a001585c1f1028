"""Every variable and argument is in the table of settings, and nothing else is."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import otel_agent_telemetry as telemetry
from otel_agent_telemetry import errors
from otel_agent_telemetry.cli._variables import SETTINGS, names
from otel_agent_telemetry.presets import PRESETS
from otel_agent_telemetry.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"(?<![A-Z_])(?:AGENT_TELEMETRY|TELEMETRY)_[A-Z_]*[A-Z]\b")
# Said by one process of ours to another, not by a person.
INTERNAL = {"AGENT_TELEMETRY_DRAMATIQ_MASTER", "AGENT_TELEMETRY_PROBE", "AGENT_TELEMETRY_PROBE_FOLDER"}
LISTS = ("public_tools", "public_agents", "public_commands", "public_models")  # whose variables have their names


def test_every_variable_is_in_the_table() -> None:
    """What the code reads and what the table says are the same variables."""
    files = [*(ROOT / "otel_agent_telemetry").rglob("*.py"), *(ROOT / "instrumentation").rglob("*.py")]
    read = {name for file in files for name in VARIABLE.findall(file.read_text("utf-8"))} - INTERNAL
    lists = {f"AGENT_TELEMETRY_{name.upper()}" for name in LISTS}
    assert read | lists == {name for name in names() if VARIABLE.fullmatch(name)}
    given = Settings(environ=dict.fromkeys(lists, "a,b"))
    assert [getattr(given, name) for name in LISTS] == [{"a", "b"}] * 4


def test_every_argument_is_in_the_table() -> None:
    """The arguments of configure() and those of the table are the same, each once."""
    arguments = [setting.argument for setting in SETTINGS if setting.argument]
    assert sorted(arguments) == sorted(inspect.signature(telemetry.configure).parameters)


def test_the_page_of_settings_has_the_variables_of_each_preset() -> None:
    """What a preset reads of the environment, and nothing else, is in its own table."""
    for preset in PRESETS.values():
        environ = _Noting()
        _ = preset.properties(None, environ), preset.metadata(environ), preset.environment(environ)
        assert preset.is_hosted(environ) is False
        page = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
        _, _, table = page.partition(f"## The preset {preset.name}\n")
        rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(environ.read)


class _Noting(Mapping[str, str]):
    """An environment that notes what is asked for; what is asked for together is set."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self._set = {"SLACK_BOT_TOKEN": "x", "SLACK_APP_TOKEN": "x", "AGENTMAIL_WEBHOOK_SECRET": "x"}

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return self._set[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._set)

    def __len__(self) -> int:
        return len(self._set)


def test_the_page_of_settings_is_that_of_the_code() -> None:
    """docs/reference/settings.md has the table as the code has it; ``make schema`` writes it anew."""
    written = runpy.run_path(str(ROOT / "docs" / "reference.py"))
    assert written["SETTINGS_PAGE"].read_text("utf-8") == written["settings_page"]()


def test_the_reference_has_every_public_name() -> None:
    """Each name that the package exports is in the reference of the Python API."""
    page = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")
    documented = {*re.findall(r"^\.\. auto(?:function|class):: (\w+)", page, re.MULTILINE), *errors.__all__}
    assert {*telemetry.__all__} - documented == {"contract"}
