"""Workflow runs as a Temporal worker and its core tell each other of them.

The core hands out activations of workflows and takes completions with commands. Both pass here on the worker's event
loop, outside the sandbox and the workflow's thread: a workflow cannot observe it, and what it replays is marked. A
workflow has ended when the core removes it after the command that closes it, which the server may refuse. The headers
of activities, child workflows and continued runs are added to the commands; a replay does not compare them.
"""

from __future__ import annotations

import contextvars
import sys
import time
from collections import defaultdict, deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from opentelemetry import context as otel_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation._hooks import quiet
from otel_agent_instrumentation._memory import Memory
from otel_agent_instrumentation.queues import SOURCE
from otel_agent_instrumentation.queues._temporal_tasks import (
    HEADER,
    carrier_in,
    id_of,
    is_retried,
    payload_of,
    trace_here,
    with_policy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Runs"]

_LOCAL, _CHILD = "schedule_local_activity", "start_child_workflow_execution"
_SCHEDULES = ("schedule_activity", _LOCAL, _CHILD)
_FAILS, _CANCELS = "fail_workflow_execution", "cancel_workflow_execution"
_CONTINUES = "continue_as_new_workflow_execution"
_CLOSES = ("complete_workflow_execution", _FAILS, _CANCELS, _CONTINUES)
_REFUSED = ("TASK_NOT_FOUND", "UNHANDLED_COMMAND")
_SCHEDULED_BY = "TemporalScheduledById"
_TRACE = ("traceparent", "tracestate")


class _Run:
    """One run of a workflow in this worker's cache."""

    def __init__(self, core: Any, run_id: str, begun: Any, carrier: dict[str, str]) -> None:
        self.core = core
        self.id = run_id
        self.begun = begun
        self.carrier = carrier
        self.attempt = max(begun.attempt, int(self.carrier.get("task_attempt", 1)))
        self.context = contextvars.Context()
        self.task: Any = None
        self.is_replaying = True
        self.closing: Any = None
        self.tasks: dict[int, tuple[str, dict[str, str]]] = {}
        self.pausing: defaultdict[tuple[str, int], deque[dict[str, str]]] = defaultdict(deque)

    def open(self, *, is_first: bool) -> None:
        """It is not replayed any longer: this worker runs it."""
        begun = self.begun
        self.context.run(_enter, self.carrier)
        is_created = "task_id" in self.carrier
        task_id = self.carrier.setdefault("task_id", self.id if begun.cron_schedule else begun.first_execution_run_id)
        self.attempt += not is_first
        self.carrier |= {"task_source": SOURCE, "task_attempt": str(self.attempt)}
        if is_created or self.attempt > 1:
            run = telemetry.run_task(self.carrier, name=begun.workflow_type, claimed=True)
        else:
            has_parent = begun.HasField("parent_workflow_info")
            run = telemetry.task(begun.workflow_type, id=task_id, source=SOURCE, has_parent=has_parent)
        self.task = self.context.run(run.start)
        if "traceparent" not in self.carrier:
            self.carrier |= self.context.run(trace_here)
        if is_first:
            self.track("workflow.started", triggerType=self._trigger())

    def track(self, event: str, **properties: Any) -> None:
        """Record an event of the workflow, in the trace of its task."""
        self.context.run(telemetry.track, event, workflowId=self.begun.workflow_id, **properties)

    def close(self) -> None:
        """The server has taken the command that closes it."""
        kind = self.closing.WhichOneof("variant")
        error = _kind_of(self.closing.fail_workflow_execution.failure) if kind == _FAILS else None
        ended = "workflow.failed" if kind in {_FAILS, _CANCELS} else "workflow.completed"
        self.track(ended, durationMs=max(0, int(time.time() * 1000) - self.begun.start_time.ToMilliseconds()))
        if kind == _CONTINUES or (kind == _FAILS and self._is_retried()):
            self.task.end(outcome="retried")
        else:
            self.task.end(error, outcome="cancelled" if kind == _CANCELS else None)

    def _is_retried(self) -> bool:
        begun, failure = self.begun, self.closing.fail_workflow_execution.failure
        if not begun.HasField("retry_policy"):
            return False
        left = None
        if begun.HasField("workflow_execution_expiration_time"):
            until = begun.workflow_execution_expiration_time.ToDatetime(timezone.utc)
            left = until - datetime.now(timezone.utc)
        info = failure.application_failure_info
        return is_retried(
            sys.modules["temporalio.common"].RetryPolicy.from_proto(begun.retry_policy),
            begun.attempt,
            kind=info.type,
            is_final=info.non_retryable,
            delay=info.next_retry_delay.ToTimedelta() if info.HasField("next_retry_delay") else None,
            left=left,
        )

    def _trigger(self) -> str | None:
        begun = self.begun
        if begun.cron_schedule or _SCHEDULED_BY in begun.search_attributes.indexed_fields:
            return "schedule"
        return None if begun.HasField("parent_workflow_info") else "api"


class Runs:
    """The wrappers around the exchange, and the runs that they know."""

    def __init__(self) -> None:
        self._has_headers: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
        self._runs: dict[str, _Run] = {}
        self._begun: Memory[str, dict[str, str]] = Memory()
        self._created: Memory[str, dict[str, str]] = Memory()

    def watch(self, core: Any, *, has_headers: bool) -> None:
        """A worker has this core."""
        self._has_headers[core] = has_headers

    def watches(self, core: Any) -> bool:
        """Whether it is the core of a worker; a replayer has one too."""
        return core in self._has_headers

    def forget(self, core: Any) -> None:
        """The worker has stopped."""
        for run in [run for run in self._runs.values() if run.core is core]:
            self._remove(run, "")

    def leave(self) -> None:
        """End what is open, as of now nobody's."""
        for run in list(self._runs.values()):
            self._remove(run, "")

    async def poll(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        """The core hands out an activation."""
        activation = await wrapped(*args, **kwargs)
        self._activated(instance, activation)
        return activation

    async def complete(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        """The worker gives back what the workflow did."""
        self._completed(args[0] if args else kwargs.get("comp"))
        return await wrapped(*args, **kwargs)

    @quiet
    def _activated(self, core: Any, activation: Any) -> None:
        if core not in self._has_headers:
            return
        jobs = {each.WhichOneof("variant"): each for each in activation.jobs}
        if "initialize_workflow" in jobs:
            begun = jobs["initialize_workflow"].initialize_workflow
            self._runs[activation.run_id] = _Run(core, activation.run_id, begun, self._carrier(core, activation, begun))
        run = self._runs.get(activation.run_id)
        if run is None:
            return
        if "remove_from_cache" in jobs:
            removed = jobs["remove_from_cache"].remove_from_cache
            self._remove(run, removed.EvictionReason.Name(removed.reason))
            return
        if jobs.keys() == {"query_workflow"}:
            return
        run.is_replaying, run.closing = activation.is_replaying, None
        if not run.is_replaying and run.task is None:
            is_first = "initialize_workflow" in jobs and run.id not in self._begun
            run.open(is_first=is_first)
            self._begun[run.id] = run.carrier
        for job in activation.jobs:
            if job.HasField("resolve_activity"):
                _resolve(run, job.resolve_activity)

    def _carrier(self, core: Any, activation: Any, begun: Any) -> dict[str, str]:
        if activation.run_id in self._begun:
            return self._begun[activation.run_id]
        # A cron schedule hands the headers of its start to every run, and each of those is a task of its own.
        return carrier_in(begun.headers) if self._has_headers[core] and not begun.cron_schedule else {}

    def _remove(self, run: _Run, reason: str) -> None:
        self._runs.pop(run.id, None)
        if run.task is None:
            return
        if run.closing is not None and reason not in _REFUSED:
            run.close()
        else:
            run.task.end(outcome="abandoned")

    @quiet
    def _completed(self, completion: Any) -> None:
        run = self._runs.get(completion.run_id)
        if run is None or not completion.HasField("successful"):
            return
        for command in completion.successful.commands:
            kind = command.WhichOneof("variant")
            if kind in _CLOSES and not run.is_replaying:
                run.closing = command
            if kind in _SCHEDULES:
                self._schedule(run, kind, getattr(command, kind))
            elif kind == _CONTINUES and self._has_headers.get(run.core):
                carrier = {**run.carrier, "task_attempt": str(run.attempt + 1)}
                command.continue_as_new_workflow_execution.headers[HEADER].CopyFrom(payload_of(carrier))

    def _schedule(self, run: _Run, kind: str, scheduled: Any) -> None:
        is_child = kind == _CHILD
        name = scheduled.workflow_type if is_child else scheduled.activity_type
        task_id = id_of(run.id, scheduled.workflow_id if is_child else scheduled.activity_id)
        has_headers = self._has_headers.get(run.core, False)
        carrier = self._created.get(task_id, {"task_id": task_id, "task_source": SOURCE, **_only_trace(run.carrier)})
        if kind == _LOCAL and scheduled.attempt > 1:
            waiting = run.pausing[name, scheduled.original_schedule_time.ToNanoseconds()]
            carrier = waiting.popleft() if waiting else carrier
        elif has_headers and not run.is_replaying and task_id not in self._created:
            priority = _priority(run, scheduled)
            carrier = run.context.run(telemetry.create_task, name, id=task_id, source=SOURCE, priority=priority)
            self._created[task_id] = carrier
        if not is_child:
            run.tasks[scheduled.seq] = (name, carrier)
            if scheduled.HasField("retry_policy"):
                carrier = with_policy(carrier, scheduled.retry_policy)
        if has_headers:
            scheduled.headers[HEADER].CopyFrom(payload_of(carrier))


def _priority(run: _Run, scheduled: Any) -> int | None:
    """Its own, else its workflow's, as the server has it; a local activity is in no queue, and has none of its own."""
    own = scheduled.priority.priority_key if hasattr(scheduled, "priority") else 0
    return own or run.begun.priority.priority_key or None


def _resolve(run: _Run, resolved: Any) -> None:
    name, carrier = run.tasks.pop(resolved.seq, ("", {}))
    result = resolved.result
    if not carrier:
        return
    if result.HasField("backoff"):  # a local activity, which the workflow schedules again under another number
        run.pausing[name, result.backoff.original_schedule_time.ToNanoseconds()].append(carrier)
    elif not run.is_replaying and result.HasField("failed") and _is_timeout(result.failed.failure):
        telemetry.fail_task(carrier, "TimeoutError", source=SOURCE)


def _is_timeout(failure: Any) -> bool:
    return failure.HasField("timeout_failure_info") or failure.cause.HasField("timeout_failure_info")


def _kind_of(failure: Any) -> str:
    """The type of the exception at the root of a failure."""
    while failure.HasField("cause"):
        failure = failure.cause
    if failure.HasField("timeout_failure_info"):
        return "TimeoutError"
    return failure.application_failure_info.type or "_OTHER"


def _only_trace(carrier: Mapping[str, str]) -> dict[str, str]:
    return {key: carrier[key] for key in _TRACE if key in carrier}


def _enter(carrier: Mapping[str, str]) -> None:
    otel_context.attach(TraceContextTextMapPropagator().extract(carrier))
