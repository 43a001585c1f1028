"""The report by HTTP: a page that grows while its questions are answered, and JSON.

One report is made at a time, on a thread of its own, whoever asks; how fast its reader takes it holds up nobody.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from otel_agent_telemetry.errors import InputError, StoreError, TelemetryError
from otel_agent_telemetry.maintainers.answers._page import BEGINNING, PAGE_HEADERS, parts, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from multidict import MultiMapping

    from otel_agent_telemetry.maintainers.answers._reading import Reading
    from otel_agent_telemetry.maintainers.answers._report import Asked

__all__ = ["Showing"]

_MOST_DIGITS = 5
_UNBUFFERED = {"X-Accel-Buffering": "no"}  # nginx would keep the parts until there are enough of them


class Showing:
    """Shows reports from ``reading``, as ``asked`` where an address asks for nothing else."""

    def __init__(self, reading: Reading, asked: Asked) -> None:
        self._reading = reading
        self._asked = asked
        self._making = asyncio.Lock()

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page: its beginning at once, and each answer when it is there."""
        response = web.StreamResponse(headers={**PAGE_HEADERS, **_UNBUFFERED})
        response.content_type, response.charset = "text/html", "utf-8"
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        await response.write(BEGINNING.encode())
        made: asyncio.Queue[str | None] = asyncio.Queue()
        has_left = threading.Event()
        making = asyncio.create_task(self._make(request.query, made.put_nowait, has_left))
        try:
            while (part := await made.get()) is not None:
                await response.write(part.encode())
        finally:
            has_left.set()
            await making
        return response

    async def json(self, request: web.Request) -> web.Response:
        """The report as ``agent-telemetry report --json`` prints it; 404 where there is none, 503 without a book."""
        async with self._making:
            try:
                found = await asyncio.to_thread(self._whole, request.query)
            except InputError as error:
                raise web.HTTPNotFound(text=f"{error}\n") from error
            except StoreError as error:
                raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        return web.json_response(body=found)

    async def _make(
        self, query: MultiMapping[str], put: Callable[[str | None], None], has_left: threading.Event
    ) -> None:
        loop = asyncio.get_running_loop()

        def make() -> None:
            with closing(self._parts(query)) as found:
                for part in found:
                    if has_left.is_set():
                        return
                    loop.call_soon_threadsafe(put, part)

        try:
            async with self._making:
                await asyncio.to_thread(make)
        finally:
            put(None)

    def _parts(self, query: MultiMapping[str]) -> Generator[str]:
        try:
            with self._reading.asking(self._wanted(query)) as asking:
                yield from parts(asking.report, asking.questions, asking.answer, is_live=True)
        except TelemetryError as error:
            yield refusal(str(error))

    def _whole(self, query: MultiMapping[str]) -> bytes:
        with self._reading.asking(self._wanted(query)) as asking:
            return json.dumps(asking.whole().as_json()).encode()

    def _wanted(self, query: MultiMapping[str]) -> Asked:
        """What an address asks for, as the page's form writes it. Raises InputError."""
        days = query.get("days") or str(self._asked.days)
        if not (days.isascii() and days.isdigit() and len(days) <= _MOST_DIGITS):
            msg = f"days={days[:20]!r} is no number of days"
            raise InputError(msg)
        return replace(
            self._asked,
            product=query.get("product") or next(iter(self._reading.products()), None),
            environment=query.get("environment") or self._asked.environment,
            days=int(days),
            funnel=_several(query, "funnel", 3) or self._asked.funnel,
            versions=_several(query, "compare", 2) or self._asked.versions,
        )


def _several(query: MultiMapping[str], name: str, count: int) -> tuple[Any, ...] | None:
    """All values of a parameter; None where it is not there or empty. Raises InputError for another number of them."""
    values = tuple(value for value in query.getall(name, []) if value)
    if values and len(values) != count:
        msg = f"{name} is given {len(values)} times, expected {count}"
        raise InputError(msg)
    return values or None
