# pyright: reportUnknownMemberType=false
# The client of Redis leaves parts of its types open.
"""A broker for Taskiq on a list of a Redis server, and a result backend that knows which tasks have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from redis.asyncio import Redis
from taskiq import AsyncBroker, AsyncResultBackend, BrokerMessage, TaskiqResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class ListBroker(AsyncBroker):
    """The messages wait in the list ``tasks``."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis: Any = Redis.from_url(url)  # typed for coroutines and plain calls alike

    async def kick(self, message: BrokerMessage) -> None:
        """Append it."""
        await self._redis.lpush("tasks", message.message)

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """Take one after the other; the wait is short, as Taskiq's signal handler does not wake the event loop."""
        while True:
            taken = await self._redis.brpop(["tasks"], timeout=0.1)
            if taken is not None:
                yield taken[1]

    async def shutdown(self) -> None:
        """Close the connections."""
        await super().shutdown()
        await self._redis.aclose()


class Ends(AsyncResultBackend[None]):
    """Keeps no result."""

    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(url)  # typed for coroutines and plain calls alike

    async def set_result(self, task_id: str, result: TaskiqResult[None]) -> None:
        """Note that it ended."""
        await self._redis.set(task_id, "")

    async def is_result_ready(self, task_id: str) -> bool:
        """Whether it ended."""
        return bool(await self._redis.exists(task_id))

    async def get_result(self, task_id: str, with_logs: bool = False) -> NoReturn:  # noqa: FBT001, FBT002 - Taskiq's signature
        """There is none."""
        raise LookupError(task_id, with_logs)

    async def shutdown(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
