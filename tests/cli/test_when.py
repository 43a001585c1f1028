from __future__ import annotations

import pytest

from tests.cli.command import program

SUMMER, WINTER = "2026-07-01T22:30:00.123456Z", "2026-11-21T22:09:28.000000Z"
PROGRAM = """
import sys
from otel_agent_telemetry.cli._when import clock_time, local_time, titled, zone
for moment in sys.argv[1:]:
    print(local_time(moment), clock_time(moment), zone(moment))
print(titled("START", sys.argv[1:]))
print(titled("START", []))
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "CET-1CEST,M3.5.0,M10.5.0/3",
            [
                "2026-07-02 00:30:00 00:30:00.123 CEST",
                "2026-11-21 23:09:28 23:09:28.000 CET",
                "START (CEST, CET)",
                "START",
            ],
        ),
        (
            "<-03>3",
            [
                "2026-07-01 19:30:00 19:30:00.123 UTC-03:00",
                "2026-11-21 19:09:28 19:09:28.000 UTC-03:00",
                "START (UTC-03:00)",
                "START",
            ],
        ),
    ],
)
def test_times_are_those_of_the_zone_and_name_it(name: str, expected: list[str]) -> None:
    """Also in summer, and where a zone has no letters."""
    assert program(PROGRAM, SUMMER, WINTER, TZ=name).out.splitlines() == expected
