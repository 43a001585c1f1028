"""The README's table is that of the matrix' last run, which was of what is pinned, drove everything and passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.matrix import record, test_matrix, test_mem0, test_providers, test_together
from tests.matrix.environments import frameworks
from tests.matrix.rows import ROWS
from tests.matrix.table import README, written

if TYPE_CHECKING:
    from types import ModuleType

TOGETHER = {path.stem for path in test_together.EXPECTED.glob("*.toml")}


def checks(module: ModuleType, *scenarios: str, leave: str = "") -> dict[str, set[str]]:
    """Check -> scenarios, of each test of a module but those whose name begins with ``leave``."""
    names = [name.removeprefix("test_").replace("_", " ") for name in vars(module) if name.startswith("test_")]
    return {name: set(scenarios) for name in names if not leave or not name.startswith(leave)}


def due() -> dict[str, dict[str, set[str]]]:
    """What has to have passed, by name; of clients beside agent frameworks, content is looked at where those are."""
    all_at_once, clients = (record.TOGETHER,), test_providers.CLIENTS
    return {
        **{name: checks(test_matrix, *test_matrix.SCENARIOS) for name in frameworks()},
        **{name: checks(test_together, *all_at_once) for name in TOGETHER},
        **{
            name: checks(test_providers, *all_at_once, leave="" if client.environment == "providers" else "content")
            for name, client in clients.items()
        },
        "mem0": checks(test_mem0, *all_at_once),
    }


def test_the_table_is_as_made() -> None:
    """``python -m tests.matrix.table`` would change nothing."""
    text = README.read_text("utf-8")
    assert written(text) == text


def test_all_that_is_driven_has_a_row() -> None:
    """Each framework and client with a program in the matrix, and no other."""
    assert {row.name for row in ROWS} == set(due())


def test_all_passed_when_it_last_ran() -> None:
    """``make test-frameworks`` writes what passed; each check in each scenario did."""
    ran = {name: {check: {*told} for check, told in each["passed"].items()} for name, each in record.read().items()}
    assert ran == due()


def test_it_last_ran_with_what_is_pinned() -> None:
    """The versions of the record are those of the locks."""
    ran = {name: each["versions"] for name, each in record.read().items()}
    assert ran == {name: record.versions(name) for name in due()}
