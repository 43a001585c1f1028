"""Start and stop of aiohttp's own server, by ``web.run_app`` or a runner of the program's.

Hooks: ``start`` of the sites, of which the first counts, and ``BaseRunner.cleanup``. Silent under gunicorn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import end, port_of, speaks_for_server, started

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks
    from otel_agent_instrumentation._servers import ServerLife

__all__ = ["AiohttpInstrumentor"]


class AiohttpInstrumentor(FrameworkInstrumentor):
    """Reports ``server.started`` and ``server.shutdown`` of aiohttp.web."""

    requires: ClassVar[tuple[str, ...]] = ("aiohttp >= 3.9, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Hook the runners and their sites."""

        def runner(module: Any) -> None:
            runners = _Runners()
            for kind in (module.TCPSite, module.UnixSite, module.NamedPipeSite, module.SockSite):
                hooks.wrap(kind, "start", runners.start)
            hooks.wrap(module.BaseRunner, "cleanup", runners.cleanup)

        hooks.when_imported("aiohttp.web_runner", runner)


class _Runners:
    """The wrappers, and the lives of the servers of this process."""

    def __init__(self) -> None:
        self._lives: dict[Any, ServerLife] = {}

    async def start(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = await wrapped(*args, **kwargs)
        self._begin(instance)
        return result

    async def cleanup(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        finally:
            end(self._lives.pop(instance, None))

    @quiet
    def _begin(self, site: Any) -> None:
        runner = site._runner  # noqa: SLF001 - it has no other name
        if runner not in self._lives and speaks_for_server():
            server = getattr(site, "_server", None)
            self._lives[runner] = started(port_of(getattr(server, "sockets", None) or ()))
