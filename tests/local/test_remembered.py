"""Usage from what is remembered of each hour."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import usage
from otel_agent_telemetry.local.read.use._hourly import HOUR_NS, HourlyUse
from otel_agent_telemetry.local.read.use._remembered import REMEMBERED, remembered_usage
from tests.local.made import START, Made, agent, chat, request, tool

if TYPE_CHECKING:
    from otel_agent_telemetry.local import Store

PERIODS = [(None, None), (START + HOUR_NS // 2, None), (START - 5 * HOUR_NS, START + HOUR_NS + 10**6), (0, START)]


@pytest.mark.parametrize("by", REMEMBERED)
def test_what_is_remembered_is_what_is_stored(store: Store, by: str) -> None:
    """For whole hours and parts of them, before and after more is stored, it is what all steps add up to."""
    hourly = HourlyUse()
    for turn in range(3):
        for hour in range(3):
            spans = (
                Made(attributes=agent(f"helper {hour}")),
                Made(id=2, parent=1, start=1, attributes=chat("gpt-5", 1000 + hour, 70)),
                Made(id=3, parent=1, start=2, attributes=chat("gpt-5-2025-08-07", 300_000)),
                Made(id=4, parent=1, start=3, attributes={**chat("own"), "gen_ai.usage.cost": 0.25}),
                Made(id=5, parent=1, start=4, attributes=tool(), error=turn == 1),
            )
            store.add_spans(request(*spans, trace=10 * turn + hour + 1, start_ns=START + hour * HOUR_NS))
        while store.settle():
            pass
        with closing(store.reader()) as connection:
            for since, until in PERIODS:
                remembered = remembered_usage(connection, by, hourly, since_ns=since, until_ns=until)
                assert remembered == [
                    {**row, "cost_usd": pytest.approx(row["cost_usd"])}
                    for row in usage(connection, by, since_ns=since, until_ns=until)
                ]
