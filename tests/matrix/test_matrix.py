"""A small real program per framework, in its own environment: its tree, its events, its tokens.

``expected/NAME.toml`` has a table for each scenario: ``ended``, what the program prints of its end; ``tree``, the spans
that the operator sees; ``events``, how many the maintainers get of each name. Where a framework cannot tell a number
that the model server knows, ``differs`` gives the number that it does tell, and ``why`` the reason. ``silent`` says
that not even the operator's spans hold anything that the program said.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.matrix.environments import EXPECTED, frameworks
from tests.matrix.run import SECRET
from tests.meaning.test_privacy import disguised

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.run import Run

    Runs = Callable[[str, str], Run]

tomllib: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

SCENARIOS = ("ok", "tool error", "rate limit", "server error", "cancel", "stream", "at once")
TOOLS = {"ok": (1, 0), "stream": (1, 0), "at once": (2, 0), "tool error": (0, 1)}
"""Scenario -> how many tools the script has the agent call, and how many of them raise."""

ERRORS = {"rate limit": "rate_limit", "server error": "api_error", "cancel": "cancelled"}
"""Scenario -> the category of the error that ends the run."""

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.parametrize("framework", frameworks()),
    pytest.mark.parametrize("scenario", SCENARIOS),
]


def expected(framework: str, scenario: str) -> dict[str, Any]:
    """What the file says of a scenario.

    Unless it says otherwise, a stream is as the whole reply, and two at once are twice one.
    """
    table: dict[str, Any] = tomllib.loads((EXPECTED / f"{framework}.toml").read_text("utf-8"))
    if scenario == "at once" and scenario not in table:
        once: dict[str, Any] = table["ok"]
        # usage is told by session, so where there are none it is told together
        once_only = () if "session.started" in once["events"] else ("token.usage",)
        events = {name: count if name in once_only else 2 * count for name, count in once["events"].items()}
        differs = {name: 2 * number for name, number in once.get("differs", {}).items()}
        return {**once, "tree": once["tree"] * 2, "events": events, "differs": differs}
    return table["ok"] if scenario == "stream" and scenario not in table else table[scenario]


def in_order(tree: str) -> list[str]:
    """Its lines; of two at once whose spans have nothing above them, which comes first is chance."""
    lines = tree.strip().split("\n")
    return lines if "\n " in tree else sorted(lines)


def test_the_program_ends_as_it_would_without_us(runs: Runs, framework: str, scenario: str) -> None:
    """It prints its own end, and nothing of ours."""
    assert runs(framework, scenario).printed.strip() == expected(framework, scenario)["ended"].strip()


def test_the_operator_sees_a_tree(runs: Runs, framework: str, scenario: str) -> None:
    """The agent's run, its model calls and tools, each once and with its outcome."""
    assert in_order(runs(framework, scenario).tree) == in_order(expected(framework, scenario)["tree"])


def test_the_maintainers_get_events(runs: Runs, framework: str, scenario: str) -> None:
    """Each thing that happened is one event."""
    assert runs(framework, scenario).counted == expected(framework, scenario)["events"]


def test_numbers_are_true(runs: Runs, framework: str, scenario: str) -> None:
    """Calls and tokens are those that the model server served and the script had the agent do."""
    calls, errors = TOOLS.get(scenario, (0, 0))
    run = runs(framework, scenario)
    truth = {"toolCalls": calls, "toolErrors": errors, **run.served}
    if scenario == "cancel":  # the server does not answer a client that is gone
        truth["modelErrors"] += 1
    table = expected(framework, scenario)
    assert run.totals == {**truth, **table.get("differs", {})}
    assert bool(table.get("differs")) is ("why" in table)


def test_conversations_are_sessions(runs: Runs, framework: str, scenario: str) -> None:
    """Two conversations at once are two sessions, whose calls are not mixed up."""
    run = runs(framework, scenario)
    ended = [event["properties"] for event in run.events if event["event"] == "session.ended"]
    assert len(set(run.sessions)) == len(run.sessions) == len(ended)
    assert len({(each["modelCalls"], each["toolCalls"]) for each in ended}) <= 1


def test_sessions_say_how_they_ended(runs: Runs, framework: str, scenario: str) -> None:
    """A run that the model or a cancellation ended is no success, and says why; one that went well says nothing."""
    ended = [event["properties"] for event in runs(framework, scenario).events if event["event"] == "session.ended"]
    if scenario in ERRORS:
        assert {(each["isSuccess"], each["errors"][-1]) for each in ended} <= {(False, ERRORS[scenario])}
    elif scenario != "tool error":  # which some agents go on after
        assert {(each["isSuccess"], *each["errors"]) for each in ended} <= {(True,)}


def test_nothing_private_leaves(runs: Runs, framework: str, scenario: str) -> None:
    """What the program said, raised and called its agent is in the operator's spans, and in no event in any form."""
    run = runs(framework, scenario)
    assert SECRET.encode() in run.bodies or expected(framework, scenario).get("silent")
    written = str(run.events).lower()
    assert [form for form in disguised(SECRET) if form in written] == []
