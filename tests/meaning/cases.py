"""Captured and written cases, and what the mapping makes of them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from otel_agent_telemetry.cli._preview import totals
from otel_agent_telemetry.meaning._from_otlp import read
from otel_agent_telemetry.meaning._replay import replay
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.registries import Registries

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._records import Fact
    from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent

DATA = Path(__file__).parent.parent / "data"
CORPUS = Path(os.environ.get("AGENT_TELEMETRY_CORPUS") or DATA / "corpus")
DIALECTS = DATA / "dialects"


def captured() -> list[Path]:
    """The captured files."""
    return sorted(CORPUS.glob("*__*.json"))


def facts(path: Path) -> list[Fact]:
    """What the spans of a file become."""
    found = read(str(path))
    return replay(found.spans, found.agents)


def events(path: Path, registries: Registries | None = None) -> list[CleanEvent]:
    """The same, as it would leave."""
    anonymiser = Anonymiser(b"test", registries or Registries())
    return [clean for fact in facts(path) if (clean := anonymiser.clean(fact)) is not None]


def added_up(path: Path) -> dict[str, int]:
    """The totals of a file."""
    return totals(events(path))


def counted(path: Path) -> dict[str, int]:
    """How many events of each name a file gives."""
    return dict(Counter(event.event.name for event in events(path)))
