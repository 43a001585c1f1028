"""What ``--help`` says."""

from __future__ import annotations

import re

import click
import pytest

from otel_agent_telemetry.cli import main
from tests.cli.command import agent_telemetry

COMMANDS = main.list_commands(click.Context(main))


def test_each_command_has_a_whole_line() -> None:
    """The list of commands cuts none of what it says about them."""
    done = agent_telemetry("--help")
    said = re.findall(r"^  (\w+) +(\S.*)$", done.out.partition("Commands:\n")[2], re.MULTILINE)
    assert [name for name, _ in said] == COMMANDS
    assert [words for _, words in said if not words.endswith(".") or "..." in words] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_its_options_do(name: str) -> None:
    """The help of a command begins with a sentence, and each option but one with a closed list has words."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.help or "").partition("\n")[0][:1].isupper()
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    assert [each.name for each in options if not (each.help or isinstance(each.type, click.Choice))] == []
