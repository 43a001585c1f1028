"""Writes the reference pages that the code knows: settings, events and commands, as Markdown.

The table of settings is kept in ``reference/settings.md``; ``make schema`` writes it there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli import main
from otel_agent_telemetry.cli._variables import SETTINGS
from otel_agent_telemetry.contract._text import markdown
from otel_agent_telemetry.local import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS_PAGE = Path(__file__).parent / "reference" / "settings.md"
_FROM, _TO = "<!-- written by make schema -->\n", "<!-- end -->\n"


def write_reference(folder: Path) -> None:
    """Write ``events.md``, ``commands.md`` and ``sql.md`` into that folder."""
    folder.mkdir(exist_ok=True)
    pages = {"events": _events(), "commands": "\n".join(_commands()), "sql": "\n".join(_views())}
    for name, text in pages.items():
        file = folder / f"{name}.md"
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def settings_page() -> str:
    """The page of settings, with its table as the code has it."""
    before, _, rest = SETTINGS_PAGE.read_text("utf-8").partition(_FROM)
    return before + _FROM + _settings() + _TO + rest.partition(_TO)[2]


def _settings() -> str:
    rows = [
        f"| {_code(setting.variable)} | {_code(setting.argument)} | {setting.default} | {setting.meaning} |"
        for setting in SETTINGS
    ]
    return "\n".join(["| variable | argument | default | what it says |", "|---|---|---|---|", *rows, ""])


def _code(name: str) -> str:
    return f"`{name}`" if name else ""


def _events() -> str:
    """TELEMETRY.md without its title: the page that includes it has its own."""
    return markdown().partition("\n")[2]


def _commands() -> Iterator[str]:
    context = click.Context(main, info_name="agent-telemetry")
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is None:
            msg = f"agent-telemetry lists {name} and does not have it"
            raise LookupError(msg)
        inner = click.Context(command, info_name=name, parent=context)
        usage = " ".join([inner.command_path, *command.collect_usage_pieces(inner)])
        yield f"## {name}\n\n```text\n{usage}\n```\n\n{_dedented(command.help or '')}\n"
        yield from _options(command, inner)


def _views() -> Iterator[str]:
    for view in VIEWS:
        yield f"## {view.name}\n\nA row is {view.row}.\n\n| column | what it says |\n|---|---|"
        yield from (f"| `{field.name}` | {field.meaning} |" for field in view.fields)
        yield ""


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = [record for each in options if (record := each.get_help_record(context)) is not None]
    if records:
        yield from ("| option | what it does |", "|---|---|")
        yield from (f"| `{option.replace('|', ' or ')}` | {words.replace('|', ' or ')} |" for option, words in records)
        yield ""


def _dedented(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


if __name__ == "__main__":
    SETTINGS_PAGE.write_text(settings_page(), "utf-8")
