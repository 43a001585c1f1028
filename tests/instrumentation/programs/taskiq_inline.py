"""Taskiq in one process: a broker that exists before its instrumentation, and a retry by a schedule."""

from __future__ import annotations

import asyncio

from taskiq import Context, InMemoryBroker, ScheduledTask, ScheduleSource, SmartRetryMiddleware, TaskiqDepends
from taskiq.kicker import AsyncKicker
from taskiq.scheduler.scheduler import TaskiqScheduler

from otel_agent_instrumentation.queues.taskiq import TaskiqInstrumentor

ours = TaskiqInstrumentor()
ours.uninstrument()


class Schedules(ScheduleSource):
    """Keeps them in a list."""

    def __init__(self) -> None:
        self.kept: list[ScheduledTask] = []

    async def get_schedules(self) -> list[ScheduledTask]:
        """All of them."""
        return self.kept

    async def add_schedule(self, schedule: ScheduledTask) -> None:
        """Keep it."""
        self.kept.append(schedule)


schedules = Schedules()
broker = InMemoryBroker(await_inplace=True)
broker.add_middlewares(SmartRetryMiddleware(default_delay=0, schedule_source=schedules))


async def work() -> None:
    """End well."""


@broker.task(task_name="retry", retry_on_error=True)
async def retry(context: Context = TaskiqDepends()) -> None:  # noqa: B008 - how Taskiq injects it
    """End well the second time."""
    if "_retries" not in context.message.labels:
        raise ConnectionError


async def send(name: str) -> None:
    """Publish a task of that name, which runs at once."""
    broker.register_task(work, task_name=name)
    await AsyncKicker(name, broker, {}).kiq()


async def main() -> None:
    """Switch the instrumentation on and off; at last retry."""
    await send("first")
    ours.instrument()
    await send("second")
    ours.uninstrument()
    await send("third")
    ours.instrument()
    await send("fourth")
    await retry.kiq()
    for schedule in await schedules.get_schedules():
        await TaskiqScheduler(broker, [schedules]).on_ready(schedules, schedule)


asyncio.run(main())
