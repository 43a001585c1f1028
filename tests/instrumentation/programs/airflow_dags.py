"""A DAG whose tasks end in each way that a task of Airflow can end."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk import dag, task

import otel_agent_telemetry as telemetry

folder = Path(os.environ["HOME"])
any_task: Any = task


@any_task
def succeed() -> None:
    """End well, with a tool inside."""
    with suppress(Exception), telemetry.tool("look"):
        pass


@any_task
def mapped(number: int) -> None:
    """End well, twice."""
    assert number in {1, 2}


@any_task(retries=1, retry_delay=timedelta(0))
def again() -> None:
    """End well the second time."""
    if not (folder / "again").exists():
        (folder / "again").touch()
        raise ConnectionError


@any_task(priority_weight=7)
def fail() -> None:
    """End with an exception."""
    raise LookupError


@any_task(retries=3)
def give_up() -> None:
    """Fail for good, whatever may be tried again."""
    raise AirflowFailException


@any_task
def skip() -> None:
    """Is not to run this time."""
    raise AirflowSkipException


@any_task.sensor(poke_interval=0.1, mode="reschedule", timeout=60)
def awaited() -> bool:
    """Look for something that is there the second time."""
    if (folder / "awaited").exists():
        return True
    (folder / "awaited").touch()
    return False


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc))
def kinds() -> None:
    """One of each kind."""
    succeed()
    mapped.expand(number=[1, 2])
    again()
    fail()
    give_up()
    skip()
    awaited()


kinds()
