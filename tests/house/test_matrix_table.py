"""The README's table is that of the matrix' pins and expectations, and names everything that the matrix drives."""

from __future__ import annotations

from tests.matrix import test_providers, test_together
from tests.matrix.environments import frameworks
from tests.matrix.table import AGENTS, CLIENTS, README, written

ASIDE = {
    "google-adk-genai",
    "google-genai-direct",
    "langgraph-plain",
    "openai",
    "openai-agents-plain",
    "bedrock-invoke",
}
"""A second program, or a second environment, of one that is there."""


def test_the_table_is_as_made() -> None:
    """``python -m tests.matrix.table`` would change nothing."""
    text = README.read_text("utf-8")
    assert written(text) == text


def test_all_that_is_driven_has_a_row() -> None:
    """Each framework and client with a program in the matrix, and no other."""
    together = {path.stem for path in test_together.EXPECTED.glob("*.toml")}
    driven = {*frameworks(), *together, *test_providers.CLIENTS, "mem0"} - ASIDE
    assert {row.name for row in AGENTS + CLIENTS} == driven
