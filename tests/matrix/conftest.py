"""The model server, each framework's runs, and the line that says which versions ran."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import pytest
from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs] - it has none

from tests.matrix import record, table
from tests.matrix.environments import made
from tests.matrix.model import EveryProvider, serving
from tests.matrix.run import Run, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ran: dict[str, dict[str, str]] = {}
_outcomes: dict[record.Step, set[str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets a run say that it is to be kept."""
    parser.addoption("--record", action="store_true", help="write what passed into tests/matrix/ran.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes with each test what it looks at, which is told with its outcome."""
    for item in items:
        step = record.step_of(item)
        if step:
            item.user_properties.append(("step", step))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Takes how each phase of a test went."""
    for step in (cast("record.Step", told) for name, told in report.user_properties if name == "step"):
        _outcomes.setdefault(step, set()).add(report.outcome)


@pytest.fixture(scope="session")
def model() -> Iterator[EveryProvider]:
    """A server that speaks every provider's protocol, follows its script and counts what it hands out."""
    with serving(EveryProvider(slow_seconds=20)) as server:
        yield server


@pytest.fixture(scope="session")
def runs(model: EveryProvider, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Run]:
    """What a framework's program did in a scenario; each runs once."""
    known: dict[tuple[str, str], Run] = {}

    def of(framework: str, scenario: str) -> Run:
        environment = made(framework)
        _ran[environment.name] = environment.versions
        if (framework, scenario) not in known:
            known[framework, scenario] = run(environment, scenario, model, tmp_path_factory.mktemp("run"))
        return known[framework, scenario]

    return of


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tells the process that prints what a worker of pytest-xdist ran; that one writes the record and the table."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran"] = _ran
    elif session.config.option.record:
        record.write(_outcomes)
        table.write()


class _ByFramework(LoadScopeScheduling):
    """One process has all tests of a framework, as each scenario runs once and several tests look at it."""

    def _split_scope(self, nodeid: str) -> str:
        named = re.search(r"test_matrix\.py::.*\[(.+)-[a-z ]+\]$", nodeid)
        return named[1] if named else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFramework | None:
    """Deals out tests by what they look at, where it is asked for that (``--dist loadgroup``)."""
    return _ByFramework(config, log) if config.option.dist == "loadgroup" else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker told."""
    _ran.update(getattr(node, "workeroutput", {}).get("ran", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which versions ran."""
    for framework, versions in sorted(_ran.items()):
        terminalreporter.write_line(
            f"ran {framework}: " + ", ".join(f"{name} {each}" for name, each in versions.items())
        )
