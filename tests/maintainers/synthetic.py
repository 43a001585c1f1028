"""A product's life, made up from a seed: what its installations send, and the right answers to what may be asked."""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400
VERSIONS = ("2.3.0", "2.4.0")
MODELS = ("gpt-5", "claude-sonnet-4-5", "custom")
TOOLS = ("search", "read_file", "custom")
SOURCES = ("api", "slack", "queue")
PROVIDERS = ("claude", "codex")
ERRORS = ("timeout", "rate_limit", "tool_error")


@dataclass
class Life:
    """``days`` days of ``installations`` installations, up to today; 2.4.0 comes midway, its tool search fails more."""

    seed: int = 3
    installations: int = 40
    days: int = 60
    tasks_a_day: int = 3
    product: str = "acme"
    today: int = field(default_factory=lambda: int(time.time()) // DAY)
    durations: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    tools: Counter[tuple[str, bool]] = field(default_factory=Counter[tuple[str, bool]])
    ends: Counter[tuple[str, str, str, str]] = field(default_factory=Counter[tuple[str, str, str, str]])
    failures: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    sessions: Counter[tuple[str, bool]] = field(default_factory=Counter[tuple[str, bool]])
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    present: set[tuple[int, str, str]] = field(default_factory=set[tuple[int, str, str]])
    firsts: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    events: int = 0

    @property
    def first_day(self) -> int:
        """The first day, counted from the epoch."""
        return self.today - self.days

    def bodies(self) -> Iterator[bytes]:
        """Each event as it is on the wire, in the dialect ``proxy``; the truth is whole once this has ended."""
        draw = random.Random(self.seed)  # noqa: S311 - made up
        for number in range(self.installations):
            name = f"install_{draw.getrandbits(64):016x}"
            begins = draw.randrange(self.days // 2)
            changes = self.days // 2 + draw.randrange(self.days // 2)
            for day in range(begins, self.days):
                if draw.random() < 0.3 + 0.6 * (number % 2):
                    yield from self._day(draw, name, day, VERSIONS[day >= changes])

    def _day(self, draw: random.Random, name: str, day: int, version: str) -> Iterator[bytes]:
        self.present.add((self.first_day + day, name, version))
        at = (self.first_day + day) * DAY + draw.randrange(DAY // 2)
        yield self._event(name, version, at, "server.started", {})
        for _ in range(draw.randrange(1, 2 * self.tasks_a_day)):
            at += draw.randrange(1, 60)
            yield from self._task(draw, name, version, at)
        command, took = draw.choice(("run", "list", "custom")), draw.randrange(5, 5000)
        self.durations["command.executed", command].append(took)
        ran = {"command": command, "isSuccess": draw.random() < 0.9, "durationMs": took}
        yield self._event(name, version, at, "command.executed", ran)
        yield self._event(name, version, at + 60, "server.shutdown", {"signal": "SIGTERM", "uptimeMs": 60_000})

    def _task(self, draw: random.Random, name: str, version: str, at: int) -> Iterator[bytes]:
        task, source = {"taskId": f"{draw.getrandbits(64):016x}"}, draw.choice(SOURCES)
        provider, model = draw.choice(PROVIDERS), draw.choice(MODELS)
        said = {**task, "source": source}
        yield self._event(name, version, at, "task.created", {**said, "provider": provider})
        yield self._event(name, version, at, "task.started", said)
        failed = False
        for _ in range(draw.randrange(4)):
            tool, took = draw.choice(TOOLS), draw.randrange(2, 900)
            fine = draw.random() > (0.3 if (tool, version) == ("search", "2.4.0") else 0.05)
            failed = failed or (not fine and draw.random() < 0.5)
            self.tools[tool, fine] += 1
            self.durations["tool.called", tool].append(took)
            error = {} if fine else {"errorCategory": "tool_error"}
            yield self._event(
                name, version, at, "tool.called", {"toolName": tool, "isSuccess": fine, "durationMs": took, **error}
            )
        spent = {"inputTokens": draw.randrange(100, 9000), "outputTokens": draw.randrange(10, 900)}
        for key, count in spent.items():
            self.tokens[model, key] += count
        cost = draw.randrange(1, 5000) / 1000
        self.tokens[model, "milli"] += round(cost * 1000)
        yield self._event(name, version, at, "token.usage", {"model": model, **spent, "costUsd": cost})
        lasted = draw.randrange(500, 60_000)
        ended = {"durationMs": lasted, "isSuccess": not failed, **spent, "totalCostUsd": cost}
        self.sessions[version, failed] += 1
        self.durations["session.ended", ""].append(lasted)
        yield self._event(name, version, at, "session.ended", ended)
        with_model = {"provider": provider, "model": model}
        if failed:
            yield self._event(name, version, at, "session.failure", {"errorCategory": "tool_error", **with_model})
        done = {**task, **with_model, "isError": failed, "durationMs": lasted}
        yield self._event(name, version, at, "task.session_completed", done)
        took = draw.randrange(500, 60_000)
        end = draw.choices(
            ("task.completed", "task.failed", "task.cancelled"), (0.02, 0.9, 0.08) if failed else (0.9, 0.03, 0.07)
        )[0]
        self.ends[end, version, source, provider if end != "task.cancelled" else ""] += 1
        more: dict[str, Any] = {} if end == "task.cancelled" else {"provider": provider}
        if end == "task.failed":
            more["errorCategory"] = draw.choice(ERRORS)
            self.failures[more["errorCategory"], source] += 1
        if end == "task.completed":
            self.durations[end, ""].append(took)
        yield self._event(name, version, at, end, {**said, **more, "durationMs": took})

    def _event(self, name: str, version: str, at: int, event: str, properties: dict[str, Any]) -> bytes:
        self.events += 1
        self.firsts[name, event] = min(at, self.firsts.get((name, event), at))
        written = {
            "product": self.product,
            "event": event,
            "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at)),
            "source": "worker",
            "actor_mode": "anonymous",
            "actor_anonymous_id": name,
            "properties": {**properties, "version": version},
            "metadata": {"transport": "https", "schema_version": 1, "environment": "production"},
        }
        return json.dumps(written, separators=(",", ":")).encode()


def nearest_rank(values: list[int], share: float) -> int:
    """The smallest value that at least that share of them does not exceed."""
    return sorted(values)[ceil(round(share * len(values), 9)) - 1]
