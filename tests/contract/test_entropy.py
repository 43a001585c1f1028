from __future__ import annotations

import pytest

from otel_agent_telemetry.contract._entropy import bits_by_event
from otel_agent_telemetry.contract._kinds import coarse
from otel_agent_telemetry.meaning._records import Fact
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.registries import Registries
from tests.cli.command import agent_telemetry

CEILINGS = {"exact": 1000, "coarse": 450}
NAMES = {"models": 4096, "tools": 64, "agents": 64, "commands": 64}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (7, 7), (101, 100), (1840, 1800), (1951, 2000), (0.0123, 0.012), (12.5, 12)],
)
def test_two_significant_digits(value: float, expected: float) -> None:
    """A coarse number has two significant digits, and stays a whole number where it was one."""
    assert (coarse(value), type(coarse(value))) == (expected, type(expected))


def test_a_coarse_event() -> None:
    """Coarse events have numbers of two digits and times to the minute; all else is as it was."""
    fact = Fact("session.cost", {"inputTokens": 12345, "outputTokens": 678, "model": "gpt-5.2"}, 1_795_298_999 * 10**9)
    clean = Anonymiser(b"k" * 32, Registries(), precision="coarse").clean(fact)
    assert clean is not None
    assert (clean.properties["inputTokens"], clean.properties["outputTokens"], clean.occurred % 60) == (12000, 680, 0)


@pytest.mark.parametrize("precision", CEILINGS)
def test_no_event_carries_more(precision: str) -> None:
    """No event can carry more bits than its ceiling; raising one is a decision, and belongs in the changelog."""
    bits = bits_by_event(NAMES, precision=precision)
    assert {name: most for name, most in bits.items() if most > CEILINGS[precision]} == {}


def test_the_command_prints_it() -> None:
    """``schema --entropy`` has a line for each event."""
    done = agent_telemetry("schema", "--entropy")
    lines = done.out.splitlines()
    assert (done.code, lines[0].split()) == (0, ["event", "exact", "coarse"])
    assert [line.split()[0] for line in lines[1:]] == [*bits_by_event({})]
