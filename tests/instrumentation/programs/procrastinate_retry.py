"""Gives jobs whose worker is gone to the next one, as Procrastinate's documentation does in a task of its own."""

from __future__ import annotations

import asyncio

import procrastinate_jobs as jobs


async def main() -> None:
    """Do it."""
    async with jobs.app.open_async():
        for job in await jobs.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=0):
            await jobs.app.job_manager.retry_job(job)


asyncio.run(main())
