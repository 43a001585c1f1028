from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from otel_agent_telemetry.meaning import READ_KEYS

CONFIGURATIONS = Path(__file__).parents[2] / "collector-config"
LISTED = re.compile(r"# generated: attributes\n(.*?)# end of generated", re.DOTALL)
CONTENT = re.compile(r"(^|[._])(input|output|value|prompts?|completions?|messages?|arguments?|result|content|text)$")

FIGURES = {f"llm.{figure}.{side}" for figure in ("token_count", "cost") for side in ("prompt", "completion")}


def passing(name: str) -> set[str]:
    """The attributes that a configuration lets pass."""
    [block] = LISTED.findall((CONFIGURATIONS / name).read_text(encoding="utf-8"))
    return set(re.findall(r"- '?([^'\n]+)", block))


def test_the_lists_are_those_of_the_code() -> None:
    """What generate.py would write is what the files say."""
    check = [sys.executable, CONFIGURATIONS / "generate.py", "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["agent.yaml", "gateway.yaml"])
def test_all_that_is_read_passes_but_content(name: str) -> None:
    """Every attribute that the mapping reads passes, but for the one that holds a prompt."""
    assert READ_KEYS - passing(name) == {"input.value"}


@pytest.mark.parametrize("name", ["agent.yaml", "gateway.yaml"])
def test_only_names_of_attributes_pass(name: str) -> None:
    """Each entry is the name of an attribute, and none that instrumentations keep prompts, answers or arguments in."""
    odd = {key for key in passing(name) if not re.fullmatch(r"[A-Za-z0-9_.]+", key)}
    content = {key for key in passing(name) if CONTENT.search(key)}
    assert (odd, content) == (set(), FIGURES)
