"""What a report is asked for, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Answer", "Asked", "Choices", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is about.

    ``product`` may be left out where the book has one. ``days`` counts back from now, 0 for all. ``funnel`` names three
    events, ``versions`` an earlier and a later one; left out, the two that most installations have.
    """

    product: str | None = None
    days: int = 90
    environment: str = "production"
    least: int = 5
    funnel: tuple[str, str, str] = ("task.created", "task.started", "task.completed")
    versions: tuple[str, str] | None = None

    def with_funnel(self, events: tuple[str, str, str]) -> Asked:
        """The same with another funnel."""
        return replace(self, funnel=events)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that answer a question, and how many more there are with too few installations behind them."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    withheld: int = 0

    def as_json(self) -> dict[str, object]:
        """Rows as objects."""
        return {
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "withheld_rows": self.withheld,
        }


@dataclass(frozen=True, slots=True)
class Choices:
    """What else could be asked for; versions are those that enough installations have."""

    products: list[str]
    environments: list[str]
    events: list[str]
    versions: list[str]


@dataclass(frozen=True, slots=True)
class Report:
    """What it is about and, by the name of their question, all answers."""

    asked: Asked
    product: str
    since: str
    until: str
    versions: tuple[str, str] | None
    counts: dict[str, int]
    """Events kept, repeated, and dropped by reason, since the book was begun."""
    choices: Choices
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])

    def as_json(self) -> dict[str, object]:
        """What ``agent-telemetry report --json`` prints."""
        return {
            "product": self.product,
            "since": self.since,
            "until": self.until,
            "environment": self.asked.environment,
            "min_installations": self.asked.least,
            "funnel": list(self.asked.funnel),
            "versions": None if self.versions is None else list(self.versions),
            "answers": {name: answer.as_json() for name, answer in self.answers.items()},
            "received": self.counts,
        }
