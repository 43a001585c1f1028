"""Agent runs and actions of browser-use; its model calls come with the extra of the client that makes them.

browser-use has spans for Laminar's service alone. Hooks: ``Agent.run``, a session and a run;
``Registry.execute_action``, a tool call; ``Agent._handle_step_error``, since a run that the failures of its model or of
its actions end returns as any other. Names are read; parameters, pages and results are not.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor
from otel_agent_instrumentation._wrappers import around_async, before

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["BrowserUseInstrumentor"]

_HARNESS = "browser-use"
_LAST = "done"
"""The action by which an agent ends."""

_failures: WeakKeyDictionary[Any, BaseException] = WeakKeyDictionary()
"""Agent -> what its model or its last action raised, unless an action has gone well since."""
_running: ContextVar[Any] = ContextVar("otel_agent_instrumentation.browser_use.running", default=None)
"""The agent whose run this is."""


class BrowserUseInstrumentor(FrameworkInstrumentor):
    """Reports what browser-use's agents do."""

    requires: ClassVar[tuple[str, ...]] = ("browser-use >= 0.13, < 0.14",)

    def install(self, hooks: Hooks) -> None:
        """Hook runs, what goes wrong in their steps, and actions."""

        def agents(module: Any) -> None:
            hooks.wrap(module.Agent, "run", around_async(_begin_run, _end_run))
            hooks.wrap(module.Agent, "_handle_step_error", before(_remember))

        def actions(module: Any) -> None:
            hooks.wrap(module.Registry, "execute_action", around_async(_begin_action, _end_action))

        hooks.when_imported("browser_use.agent.service", agents)
        hooks.when_imported("browser_use.tools.registry.service", actions)


def _begin_run(agent: Any, *_: Any, **__: Any) -> Any:
    _failures.pop(agent, None)
    name = type(agent).__name__
    session = telemetry.session(agent=name, id=agent.session_id, harness_provider=_HARNESS).start()
    return agent, _running.set(agent), session, telemetry.agent(name).start()


def _end_run(begun: Any, error: BaseException | None) -> None:
    if begun is None:
        return
    agent, token, session, run = begun
    _running.reset(token)
    failed = _failures.pop(agent, None)
    ended_by = error or (None if agent.history.is_done() else failed)
    run.end(ended_by)
    session.end(ended_by)


def _remember(agent: Any, error: BaseException, *_: Any, **__: Any) -> None:
    if _running.get() is agent:  # outside a run nothing ends by it
        _failures[agent] = error


def _begin_action(_: Any, action_name: str, *__: Any, **___: Any) -> Any:
    return None if action_name == _LAST else telemetry.tool(action_name).start()


def _end_action(call: Any, error: BaseException | None) -> None:
    if call is None:
        return
    call.end(error)
    agent = _running.get()
    if agent is None:
        return
    if error is None:
        _failures.pop(agent, None)
    else:
        _failures[agent] = error
