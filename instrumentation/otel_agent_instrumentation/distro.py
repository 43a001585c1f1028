"""What ``opentelemetry-instrument`` and ``agent-telemetry run`` load: our distro and our configurator.

Entry points ``opentelemetry_distro`` and ``opentelemetry_configurator``, name ``agent_telemetry``
(opentelemetry-instrumentation, ``auto_instrumentation/_load.py``).
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.instrumentation import dependencies
from opentelemetry.instrumentation.distro import BaseDistro

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._content import settings_for, tell_everyone
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation._outgoing import CLIENTS, OutgoingProvider
from otel_agent_instrumentation._own_processes import is_left_alone
from otel_agent_instrumentation._targets import are_whole, targets

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType

__all__ = ["AgentTelemetryConfigurator", "AgentTelemetryDistro"]

_logger = logging.getLogger("otel_agent_instrumentation")

# Older loaders ask for conflicts before they load, and have no error for them.
_CONFLICT: type[Exception] | tuple[()] = getattr(dependencies, "DependencyConflictError", ())
# An instrumentation of the same framework -> the module of ours whose spans show the same.
_SHOWN_BY_OURS = {
    "aiohttp-server": "agent_web_aiohttp",
    "django": "agent_web_django",
    "fastapi": "agent_web_starlette",
    "flask": "agent_web_flask",
    "starlette": "agent_web_starlette",
    "taskiq": "agent_taskiq",
}
_NAMES = "OTEL_SEMCONV_STABILITY_OPT_IN"
_PAGE = "_AGENT_TELEMETRY_PAGE"  # from `agent-telemetry run`: its process id, and the address of the page


class AgentTelemetryConfigurator:
    """Sets up telemetry from the environment, as ``telemetry.configure()`` does in code."""

    def configure(self, **_: Any) -> None:
        """Configure; a setting that cannot be used is one line in the log, and the program runs without events.

        A process that is but a part of somebody's framework, and no service of the operator's, is left as it is.
        """
        if not is_left_alone():
            telemetry.configure()


class AgentTelemetryDistro(BaseDistro):
    """Loads every installed instrumentation, and none where telemetry is off: then this program is left as it is."""

    def _configure(self, **kwargs: Any) -> None:
        """What the operator says of content is told to every instrumentation, each in its own words."""
        tell_everyone()
        if find_spec("opentelemetry.util.http") is not None:
            _choose_stable_names()
        process, _, page = os.environ.pop(_PAGE, "").partition(" ")
        if process == str(os.getpid()):
            atexit.register(_show, page, os.getpid())

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one instrumentation, once the program imports what it instruments.

        A broken one must not keep the next from loading.
        """
        if not telemetry.active() or _is_doubled(entry_point.name):
            return
        modules = targets(getattr(entry_point, "dist", None))
        if not modules:
            self._load(entry_point, kwargs)
            return
        waiting = [entry_point]

        @quiet
        def imported(module: ModuleType) -> None:
            while waiting and telemetry.active() and are_whole(modules, besides=module.__name__):
                self._load(waiting.pop(), kwargs)

        for module in modules:
            wrapt.register_post_import_hook(imported, module)

    def _load(self, entry_point: EntryPoint, settings: dict[str, Any]) -> None:
        try:
            told = {**_provider_for(entry_point.name), **settings_for(entry_point.module), **settings}
            super().load_instrumentor(entry_point, **told)  # pyright: ignore[reportUnknownMemberType] - upstream leaves its keywords untyped
        except ModuleNotFoundError as error:  # for which older loaders print a traceback each
            _logger.debug("the instrumentation %s is left out: %s", entry_point.name, error)
        except _CONFLICT:
            raise  # the loader knows it: the framework is of another version
        except Exception:
            _logger.warning("the instrumentation %s could not be loaded", entry_point.name, exc_info=True)


def _show(page: str, process: int) -> None:
    """At the end of a program that somebody watches: where its traces are."""
    if process == os.getpid() and sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty():
        sys.stderr.write(f"agent-telemetry: the traces of this run are at {page}\n")


@quiet
def _choose_stable_names() -> None:
    """Have HTTP and databases told in the stable names, unless the operator chose; the environment stays as it is.

    Instrumentations read the variable once, together (``opentelemetry.instrumentation._semconv``).
    """
    if _NAMES in os.environ:
        return
    from opentelemetry.instrumentation import _semconv

    os.environ[_NAMES] = "http,database"
    try:
        _semconv._OpenTelemetrySemanticConventionStability._initialize()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - nothing public reads it
    finally:
        del os.environ[_NAMES]


def _provider_for(name: str) -> dict[str, Any]:
    return {"tracer_provider": OutgoingProvider()} if name in CLIENTS else {}


def _is_doubled(name: str) -> bool:
    ours = _SHOWN_BY_OURS.get(name)
    disabled = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return ours is not None and ours not in [each.strip() for each in disabled]
