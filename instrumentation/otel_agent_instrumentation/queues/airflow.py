"""Airflow's tasks: each try of a task instance, in the process that runs it.

Hook: ``run`` of the task runner, which gives the state that a try ended in. The scheduler creates tasks as rows: the
first try does so for us. All tries have one id, made of what names the task instance in Airflow, and stand in the trace
of its DAG run, whose context Airflow carries itself. A try that is to be repeated, deferred or rescheduled is neither
success nor failure. The process leaves by ``os._exit``, so what happened is handed over before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._servers import EXIT_SECONDS

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["AirflowInstrumentor"]

_SOURCE = "workflow"
_AGAIN = frozenset({"up_for_retry", "up_for_reschedule", "deferred"})


class AirflowInstrumentor(FrameworkInstrumentor):
    """Reports the tasks of Airflow."""

    requires: ClassVar[tuple[str, ...]] = ("apache-airflow-task-sdk >= 1.0, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what runs a task instance."""
        hooks.when_imported("airflow.sdk.execution_time.task_runner", lambda module: hooks.wrap(module, "run", _run))


def _run(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    attempt = _begin(*args, **kwargs)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        _end(attempt, None, error)
        raise
    _end(attempt, *_ended(result))
    return result


@quiet
def _begin(ti: Any, *_: Any, **__: Any) -> Any:
    telemetry.declare_source("worker")
    name = f"{ti.dag_id}.{ti.task_id}"
    task_id = uuid5(NAMESPACE_URL, "\n".join((ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index)))).hex
    number = max(2 if _was_here(ti) else 1, int(ti.try_number or 1))
    carrier = {"task_id": task_id, "task_name": name, "task_source": _SOURCE}
    if number == 1:
        carrier = telemetry.create_task(name, id=task_id, source=_SOURCE, priority=_priority(ti))
    return telemetry.run_task({**carrier, "task_attempt": str(number)}, claimed=True).start()


def _priority(ti: Any) -> int | None:
    """The weight by which Airflow's pools choose the next task."""
    weight = getattr(getattr(ti, "task", None), "priority_weight", None)
    return weight if isinstance(weight, int) else None


def _was_here(ti: Any) -> bool:
    """Whether this try goes on where it was deferred or rescheduled."""
    details = getattr(ti, "_ti_context_from_server", None)
    return bool(getattr(details, "next_method", None) or getattr(details, "task_reschedule_count", 0))


def _ended(result: Any) -> tuple[Any, Any]:
    return result[0], result[2]


@quiet
def _end(attempt: Any, state: Any, error: BaseException | None) -> None:
    if attempt is None:
        return
    name = getattr(state, "value", None)
    if name == "success":
        attempt.end()
    elif name in _AGAIN:
        attempt.end(outcome="retried")
    elif name in {"skipped", "removed"}:
        attempt.end(outcome="cancelled")
    else:
        attempt.end(error or "AirflowException")
    telemetry.flush(EXIT_SECONDS, send=False)
