"""Frameworks whose program does all that the matrix asks in one process, as each start of theirs takes seconds.

``together/NAME.toml`` says in which ``environment``, how each scenario ``ended``, the ``trees`` that the operator sees
below the span of each, and how many ``events`` of each name come of all. Unless it says otherwise, a stream is as the
whole reply, and two at once are twice one. ``differs`` and ``why`` are as in ``expected``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.matrix.environments import made
from tests.matrix.model import serving
from tests.matrix.providers import Providers
from tests.matrix.run import PROGRAMS, SECRET, run_file, tree
from tests.meaning.test_privacy import disguised

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.run import Run

    Runs = Callable[[str], Run]

tomllib: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

EXPECTED = Path(__file__).parent / "together"
SCENARIOS = ("ok", "tool error", "rate limit", "server error", "stream", "at once", "cancel")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SAID = b"Sunny in Lisbon"
ASKED = 8
"""How often the program asks its agent: once in each scenario but two at once."""

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.parametrize("framework", [path.stem for path in sorted(EXPECTED.glob("*.toml"))]),
]


def expected(framework: str) -> dict[str, Any]:
    """What the file says."""
    table: dict[str, Any] = tomllib.loads((EXPECTED / f"{framework}.toml").read_text("utf-8"))
    trees = table["trees"]
    return {**table, "trees": {"stream": trees["ok"], "at once": trees["ok"] * 2, **trees}}


def run(framework: str, home: Path, *scenarios: str, variables: dict[str, str] | None = None) -> Run:
    """Run a framework's program once: those scenarios, or all."""
    environment, file = made(expected(framework)["environment"]), f"with_{framework.replace('-', '_')}.py"
    with serving(Providers(slow_seconds=20)) as model:
        return run_file(environment, PROGRAMS / file, model, home, *scenarios, variables=variables)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """What a framework's program did; each runs once."""
    known: dict[str, Run] = {}

    def of(framework: str) -> Run:
        if framework not in known:
            environment, file = (
                made(expected(framework)["environment"]),
                PROGRAMS / f"with_{framework.replace('-', '_')}.py",
            )
            with serving(Providers(slow_seconds=20)) as model:
                known[framework] = run_file(environment, file, model, tmp_path_factory.mktemp("run"))
        return known[framework]

    return of


def seen(told: Run, scenario: str) -> list[str]:
    """The tree below the span of a scenario; of two at once, which span begins first is chance."""
    trace_id = next(each.trace_id for each in told.spans if each.name == scenario)
    return in_order(tree(each for each in told.spans if each.trace_id == trace_id), scenario)


def in_order(text: str, scenario: str) -> list[str]:
    """The lines of a tree."""
    lines = text.strip().split("\n")
    return sorted(lines) if scenario == "at once" else lines


def test_the_program_ends_as_it_would_without_us(runs: Runs, framework: str) -> None:
    """Each scenario has its own end, and nothing of ours is printed."""
    assert runs(framework).printed.split() == expected(framework)["ended"]


def test_the_operator_sees_a_tree(runs: Runs, framework: str) -> None:
    """The agent's run, its model calls and tools, each once and with its outcome."""
    trees: dict[str, str] = expected(framework)["trees"]
    told = {scenario: seen(runs(framework), scenario) for scenario in SCENARIOS}
    assert told == {scenario: in_order(trees[scenario], scenario) for scenario in SCENARIOS}


def test_the_maintainers_get_events(runs: Runs, framework: str) -> None:
    """Each thing that happened is one event; usage is told whenever a minute is over."""
    counted = runs(framework).counted
    counted.pop("token.usage")
    assert counted == expected(framework)["events"]


def test_numbers_are_true(runs: Runs, framework: str) -> None:
    """Calls and tokens are those that the model server served and the script had the agent do."""
    told, table = runs(framework), expected(framework)
    served = {**told.served, "modelErrors": told.served["modelErrors"] + 1}  # a client that is gone is not answered
    assert told.totals == {"toolCalls": 4, "toolErrors": 1, **served, **table.get("differs", {})}
    assert bool(table.get("differs")) is ("why" in table)


def test_sessions_say_how_they_ended(runs: Runs, framework: str) -> None:
    """Each time the agent is asked is a session; what a model, a tool or a cancellation ended says why."""
    root = expected(framework)["trees"]["tool error"].strip().split("\n")[0]
    of_tool = ["tool_error"] if root.endswith(" error") else []
    ended = [each["properties"] for each in runs(framework).events if each["event"] == "session.ended"]
    why = [each["errors"][-1] for each in ended if not each["isSuccess"]]
    assert (len(ended), sorted(why)) == (ASKED, ["api_error", "cancelled", "rate_limit", *of_tool])


def test_content_is_left_out_unless_asked_for(framework: str, tmp_path: Path) -> None:
    """What was said is in the operator's spans where the variable for content is set, and in none where it is not."""
    for content in ("true", ""):
        home = tmp_path / (content or "quiet")
        home.mkdir()
        told = run(framework, home, "ok", variables={CONTENT: content})
        assert (SAID in told.bodies, f"weather, says {SECRET}".encode() in told.bodies) == ((content == "true"),) * 2


def test_nothing_private_leaves(runs: Runs, framework: str) -> None:
    """What the program said, raised and called its agent is in no event in any form."""
    assert [form for form in disguised(SECRET) if form in str(runs(framework).events).lower()] == []
