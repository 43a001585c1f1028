"""What the wire tests need: consent, a language, and the event that the product declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire import vectors

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")


@pytest.fixture(autouse=True)
def _declared() -> Iterator[None]:
    yield from vectors.declared()
