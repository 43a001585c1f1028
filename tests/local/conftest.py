"""A running server for each test that asks."""

from __future__ import annotations

import subprocess
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import Store
from tests.cli.command import COMMAND, environment
from tests.local.browsing import Watched, chromium
from tests.local.serving import Serving
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    """A server over an empty store."""
    with Serving(tmp_path / "traces.sqlite") as serving:
        yield serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all the tests of a file."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def demo_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that the demo keeps."""
    if not all(find_spec(name) for name in ("fastapi", "uvicorn", "celery", "agents")):
        absent("demo", "make demo")
    db = tmp_path_factory.mktemp("demo") / "traces.sqlite"
    command = [*COMMAND, "demo", "--db", str(db)]
    variables = environment(PYTHONWARNINGS="default")
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert f"agent-telemetry serve --db {db}" in done.stdout
    return db


@pytest.fixture
def page(browser: Browser, server: Serving) -> Iterator[Page]:
    """A page 1280 pixels wide on which nothing may go wrong, and that talks to the server alone."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    watched = Watched(opened, server.url)
    yield opened
    opened.close()
    assert watched.wrong == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "traces.sqlite")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC here, wherever the tests run."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
