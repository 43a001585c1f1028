"""What every test can rely on: loopback only, an environment without settings, an empty home, no unseen skip."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import network
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS = ("AGENT_TELEMETRY_", "ANTHROPIC_", "OPENAI_", "OTEL_", "TELEMETRY_", "XDG_")
_NAMES = ("ANONYMIZED_TELEMETRY", "BAGGAGE", "DO_NOT_TRACK", "TRACEPARENT", "TRACESTATE")
_KEPT = (  # settings of the tests, not of the product
    "AGENT_TELEMETRY_CASES",
    "AGENT_TELEMETRY_CORPUS",
    "AGENT_TELEMETRY_GOLDENS",
    "AGENT_TELEMETRY_HARNESS_CORPUS",
    "AGENT_TELEMETRY_WHEELS",
)
_ELSEWHERE = (
    "clickhouse",
    "clients",
    "collector",
    "docs",
    "frameworks",
    "harnesses",
    "jaeger",
    "kafka",
    "matrix",
    "soak",
    "temporal",
)
_TARGETS = {"matrix": "test-frameworks", "soak": "soak"}
_left_out: Counter[str] = Counter()
_XDG = {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local/share"}


def _is_setting(name: str) -> bool:
    upper = name.upper()
    return name not in _KEPT and (upper in _NAMES or upper.startswith(_SETTINGS) or upper.endswith("_PROXY"))


def pytest_configure() -> None:
    """Cleans the environment before any module reads it, and closes the network."""
    _have_signals_as_at_a_terminal()
    for name in filter(_is_setting, list(os.environ)):
        del os.environ[name]
    _compile_once()
    network.guard()


def _compile_once() -> None:
    """What tests start by the hundred compiles what it imports once, wherever that lies, and into one folder aside."""
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(Path(sys.prefix, "bytecode"))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _have_signals_as_at_a_terminal() -> None:
    """nohup, a shell's background job or a service starts us with signals ignored or blocked, as our programs would be.

    A handler ends with the program that has it, so that what we start has the default; we go on ignoring them.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ignored)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _ignored(*_: object) -> None:
    pass


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Homes that no test has had; pytest itself would look through all earlier ones for each."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, _homes: Iterator[Path]) -> None:
    """Gives each test an empty home, and an environment without settings even where a test before it left some.

    No signal is blocked for what it starts, either.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in filter(_is_setting, list(os.environ)):
        monkeypatch.delenv(name)
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
    for name, folder in _XDG.items():
        monkeypatch.setenv(name, str(home / folder))


@pytest.fixture(autouse=True)
def _stays_on_loopback() -> Iterator[None]:
    """Fails a test during which something reached beyond loopback, also where the product swallowed the error."""
    yield
    reached, network.attempts[:] = list(network.attempts), []
    assert reached == []


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A loopback HTTP server that keeps every request and gives scripted answers."""
    with Recorder() as server:
        yield server


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tells the process that prints what a worker of pytest-xdist left out; each worker has seen all tests."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = dict(_left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker told."""
    told: dict[str, int] = getattr(node, "workeroutput", {}).get("left_out", {})
    _left_out.update(Counter(told) - _left_out)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remembers what a target left to another target."""
    for item in items:
        _left_out.update(marker.name for marker in item.iter_markers() if marker.name in _ELSEWHERE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints one line for each reason why something did not run."""
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    for reason, count in Counter(map(_reason, skipped)).items():
        terminalreporter.write_line(f"did not run: {count} x {reason}", yellow=True)
    for marker, count in _left_out.items():
        target = _TARGETS.get(marker, f"test-{marker}")
        terminalreporter.write_line(f"did not run: {count} x {marker}; run them with: make {target}", yellow=True)


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")
