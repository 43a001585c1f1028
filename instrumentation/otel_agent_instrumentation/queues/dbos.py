"""DBOS workflows from their start or enqueueing to their end, across processes and recoveries.

Hooks: ``SystemDatabase.init_workflow`` and the like, where a workflow's row is written; ``_get_wf_invoke_func``, around
which it runs and its outcome is recorded. The carrier stands in the row's attributes, as DBOS' own trace context does,
and is left out where the program reads them. A workflow that another process recovers is the same task: only the
execution whose outcome is recorded ends it. Its steps, and their retries, are inside.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry import context as otel_context

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation._wrappers import after, around, before
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._carriers import KEY, carried

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["DBOSInstrumentor"]

_WAITING = frozenset({"ENQUEUED", "DELAYED"})
_RECORDED = frozenset({"SUCCESS", "ERROR"})
_ATTRIBUTE = f"_{KEY}"


class DBOSInstrumentor(FrameworkInstrumentor):
    """Reports workflows of DBOS."""

    requires: ClassVar[tuple[str, ...]] = ("dbos >= 3.0, < 4",)

    def install(self, hooks: Hooks) -> None:
        """Wrap what writes, runs and cancels workflows."""

        def database(module: Any) -> None:
            owner = module.SystemDatabase
            for name in ("init_workflow", "init_child_workflow", "init_workflow_with_connection"):
                hooks.wrap(owner, name, around(_create, _created))
            hooks.wrap(owner, "list_workflows", after(_listed))
            hooks.wrap(owner, "cancel_workflows", around(_waiting, _cancelled))
            hooks.wrap(owner, "cancel_timed_out_workflows", after(_timed_out))
            hooks.wrap(owner, "update_workflow_outcome", before(_recorded))
            hooks.wrap(owner, "dead_letter_workflows", before(_recorded))

        def core(module: Any) -> None:
            hooks.wrap(module, "_get_wf_invoke_func", _get_wf_invoke_func)
            hooks.wrap(module, "_check_required_roles_or_finalize_error", _check_required_roles)

        def outcome(module: Any) -> None:
            hooks.wrap(module.Pending, "wrap", _compose)
            hooks.wrap(module.Pending, "then", _compose)

        def ids(module: Any) -> None:
            hooks.wrap(module, "generate_uuid", after(_made_up))

        hooks.when_imported("dbos._sys_db", database)
        hooks.when_imported("dbos._core", core)
        hooks.when_imported("dbos._outcome", outcome)
        hooks.when_imported("dbos._context", ids)
        hooks.when_imported("dbos._enqueue_options", ids)
        hooks.when_imported(
            "dbos._queue", lambda module: hooks.wrap(module, "execute_dequeued_workflow", _execute_dequeued)
        )


def _carrier(status: Any) -> dict[str, str]:
    """What was made where the workflow was started; its bare id where that process is not instrumented."""
    attributes: dict[str, Any] = status["attributes"] or {}
    return carried(attributes.get(KEY), status["workflow_uuid"]) or {"task_id": status["workflow_uuid"]}


def _source(status: Any) -> str | None:
    return "schedule" if status["schedule_name"] else SOURCE if status["queue_name"] else None


# Where a workflow is started or enqueued ------------------------------------------------------------------------------

_fresh: Memory[str, bool] = Memory()
"""Ids that DBOS made up, so that no row can have them."""


def _made_up(workflow_id: str, *_: Any, **__: Any) -> None:
    _fresh[workflow_id] = True


def _create(database: Any, status: Any, *_: Any, **__: Any) -> Any:
    workflow_id = status["workflow_uuid"]
    if _exists(database, workflow_id, status["parent_workflow_id"]):
        return None
    priority = status["priority"] or None
    carrier = telemetry.create_task(status["name"], id=workflow_id, source=_source(status), priority=priority)
    status["attributes"] = {**(status["attributes"] or {}), KEY: carrier}
    return status, carrier


def _exists(database: Any, workflow_id: str, parent_id: str | None) -> bool:
    # The program may give an id a second time, as a key that makes a call idempotent. That of a child is derived from
    # its parent's, whose step tells whether there was one.
    if _fresh.pop(workflow_id, False) or (parent_id and workflow_id.startswith(f"{parent_id}-")):
        return False
    return bool(database.get_workflow_status(workflow_id))


def _created(begun: Any, error: BaseException | None) -> None:
    if begun is not None and error is not None:  # refused, perhaps to be tried again
        status, carrier = begun
        status["attributes"] = _without_carrier(status["attributes"])
        telemetry.cancel_task(carrier, previous_status="pending", source=_source(status))


def _without_carrier(attributes: Any) -> Any:
    if not isinstance(attributes, dict) or KEY not in attributes:
        return attributes  # pyright: ignore[reportUnknownVariableType] - DBOS'
    return {key: value for key, value in attributes.items() if key != KEY} or None  # pyright: ignore[reportUnknownVariableType] - DBOS'


def _listed(workflows: Any, *_: Any, **__: Any) -> None:
    for workflow in workflows:
        workflow.attributes = _without_carrier(workflow.attributes)


# Where it runs --------------------------------------------------------------------------------------------------------


class _Attempt:
    """One execution of a workflow, from before its first step until its outcome is recorded, here or by another."""

    def __init__(self, database: Any, status: Any) -> None:
        self._database = database
        self._id = status["workflow_uuid"]
        carrier = _carrier(status)
        attempts = status["recovery_attempts"]  # how often it was claimed; of a direct start, nothing yet
        if attempts is not None:
            carrier = {**carrier, "task_attempt": str(max(1, attempts))}
        name = None if "task_name" in carrier else status["name"]
        around_it = otel_context.get_current()
        is_claimed = bool(status["queue_name"]) and attempts is not None
        self._run = telemetry.run_task(carrier, name=name, claimed=is_claimed).start()
        self._inside = otel_context.get_current()
        otel_context.attach(around_it)
        self.is_entered = False

    def record(self, persist: Any, body: Any) -> Any:
        """DBOS' own recording of what the body gives, whose end is the attempt's."""
        previous = otel_context.get_current()
        otel_context.attach(self._inside)
        try:
            result = persist(body)
        except BaseException as error:
            self.end(error)
            raise
        finally:
            otel_context.attach(previous)
        self.end(None, self._outcome(result))
        return result

    async def around_coroutine(self, body: Any) -> Any:
        """The body, in the task that awaits it; what it gives is recorded in a thread."""
        self.is_entered = True
        previous = otel_context.get_current()
        otel_context.attach(self._inside)
        try:
            return await body()
        except Exception:
            raise
        except BaseException:  # its task was cancelled, and the workflow waits for somebody to recover it
            self.end(None, "abandoned")
            raise
        finally:
            otel_context.attach(previous)

    @quiet
    def _outcome(self, result: Any) -> str | None:
        if type(result).__name__ != "DeferredResult":
            return None
        # The row was cancelled, or is another execution's: what is recorded there is waited for.
        status = self._database.get_workflow_status(self._id)
        return "cancelled" if status and status["status"] == "CANCELLED" else "abandoned"

    @quiet
    def end(self, error: BaseException | None, outcome: str | None = None) -> None:
        self._run.end(error, outcome=outcome)


def _get_wf_invoke_func(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    persist = wrapped(*args, **kwargs)
    attempt = _begin(*args, **kwargs)
    return persist if attempt is None else partial(attempt.record, persist)


@quiet
def _begin(dbos: Any, status: Any, *_: Any, **__: Any) -> _Attempt | None:
    from dbos._context import get_local_dbos_context

    if status["status"] in _RECORDED:
        return None
    attempt = _Attempt(dbos._sys_db, status)  # noqa: SLF001 - DBOS' own modules do
    setattr(get_local_dbos_context(), _ATTRIBUTE, attempt)
    return attempt


def _compose(wrapped: Any, pending: Any, args: Any, kwargs: Any) -> Any:
    body = pending._func  # noqa: SLF001 - it has no other name

    async def inside() -> Any:
        attempt = _entered()
        return await (body() if attempt is None else attempt.around_coroutine(body))

    return wrapped.__func__(type(pending)(inside), *args, **kwargs)


@quiet
def _entered() -> _Attempt | None:
    from dbos._context import get_local_dbos_context

    attempt = getattr(get_local_dbos_context(), _ATTRIBUTE, None)
    return None if attempt is None or attempt.is_entered else attempt


# What no run says -----------------------------------------------------------------------------------------------------

_records: ContextVar[list[bool] | None] = ContextVar("agent_telemetry_dbos_records", default=None)


def _recorded(*_: Any, **__: Any) -> None:
    if (records := _records.get()) is not None:
        records.append(True)


def _execute_dequeued(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    records: list[bool] = []
    token = _records.set(records)
    try:
        return wrapped(*args, **kwargs)
    except Exception as error:
        if records:  # else it is tried again
            _failed(error, *args, **kwargs)
        raise
    finally:
        _records.reset(token)


def _check_required_roles(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except Exception as error:
        if type(error).__name__ == "DBOSNotAuthorizedError":
            _failed(error, *args, **kwargs)
        raise


@quiet
def _failed(error: BaseException, _dbos: Any, status: Any, *_: Any, **__: Any) -> None:
    telemetry.fail_task(_carrier(status), error, source=_source(status))


def _waiting(database: Any, workflow_ids: Any, cancel_children: Any = False, *_: Any, **__: Any) -> Any:  # noqa: FBT002 - as DBOS has it
    ids = [*workflow_ids]
    if cancel_children:
        ids += [child for each in workflow_ids for child in database.get_workflow_children(each)]
    return [each for each in database.get_workflow_statuses(ids) if each["status"] in _WAITING]


def _cancelled(waiting: Any, error: BaseException | None) -> None:
    if error is None:
        for status in waiting or ():
            telemetry.cancel_task(_carrier(status), previous_status="pending", source=_source(status))


def _timed_out(workflow_ids: Any, database: Any, *_: Any, **__: Any) -> None:
    # One that was claimed runs, and its run says that it was cancelled.
    if workflow_ids:
        each = database.get_workflow_statuses(workflow_ids)
        _cancelled([status for status in each if not status["recovery_attempts"]], None)
