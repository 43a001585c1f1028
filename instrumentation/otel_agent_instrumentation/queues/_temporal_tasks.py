"""Temporal's tasks: their carriers among its headers, attempts of activities, and whether another attempt follows."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import otel_agent_telemetry as telemetry
from otel_agent_instrumentation.queues import SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "HEADER",
    "Attempt",
    "carrier_in",
    "id_of",
    "is_retried",
    "payload_of",
    "trace_here",
    "with_policy",
]

HEADER = "agent-telemetry"
"""The key of the carrier among Temporal's headers."""

_POLICY = "retry_policy"
_ASYNC, _CANCELLED = "_CompleteAsyncError", "CancelledError"
_MOST_GROWTH, _MOST_TIMES = 1000.0, 60


# Carriers -----------------------------------------------------------------------------------------------------------


def id_of(run_id: str, own_id: str) -> str:
    """The id of the task that a workflow's run schedules."""
    return f"{run_id}/{own_id}"


def payload_of(carrier: Mapping[str, str]) -> Any:
    """The carrier as a header."""
    payload: Any = sys.modules["temporalio.api.common.v1"].Payload
    return payload(metadata={"encoding": b"json/plain"}, data=json.dumps(carrier).encode())


def carrier_in(headers: Any) -> dict[str, str]:
    """The carrier among the headers; empty where there is none."""
    return dict(json.loads(headers[HEADER].data)) if HEADER in headers else {}


def trace_here() -> dict[str, str]:
    """A carrier of the current trace alone."""
    return {key.lower(): value for key, value in telemetry.child_environment({}).items()}


def with_policy(carrier: dict[str, str], policy: Any) -> dict[str, str]:
    """The carrier with the retry policy that the workflow asks for: older servers do not tell the activity."""
    from google.protobuf import json_format  # loaded with the SDK; without it, nobody should pay for it

    return {**carrier, _POLICY: json_format.MessageToJson(policy, indent=None)}


def _policy(info: Any, carrier: Mapping[str, str]) -> Any:
    kind: Any = sys.modules["temporalio.common"].RetryPolicy
    if info.retry_policy is not None:
        return info.retry_policy
    if _POLICY not in carrier:
        return kind()  # the server's default
    from google.protobuf import json_format

    proto: Any = sys.modules["temporalio.api.common.v1"].RetryPolicy
    return kind.from_proto(json_format.Parse(carrier[_POLICY], proto()))


# Attempts -----------------------------------------------------------------------------------------------------------


class Attempt(NamedTuple):
    """One attempt of an activity, in whose context its methods are called."""

    run: Any
    info: Any
    policy: Any
    began: float

    @classmethod
    def start(cls, headers: Any) -> Attempt:
        """Start the run that it is."""
        info = sys.modules["temporalio.activity"].info()
        carrier = carrier_in(headers)
        return cls(_run(info, carrier).start(), info, _policy(info, carrier), time.monotonic())

    def end(self, error: BaseException | None) -> None:
        """End it, for good or until the next; as abandoned where somebody else says how the task ended."""
        details = sys.modules["temporalio.activity"].cancellation_details()
        if type(error).__name__ == _ASYNC or self._is_late() or (details and (details.timed_out or details.not_found)):
            self.run.end(outcome="abandoned")
        elif error is None:
            self.run.end()
        elif type(error).__name__ == _CANCELLED and details and details.cancel_requested:
            self.run.end(error, outcome="cancelled")
        else:
            self.run.end(error, outcome="retried" if self._is_retried(error) else None)

    def _is_late(self) -> bool:
        limit = self.info.start_to_close_timeout
        return limit is not None and time.monotonic() - self.began > limit.total_seconds()

    def _is_retried(self, error: BaseException) -> bool:
        timeout = self.info.schedule_to_close_timeout
        return is_retried(
            self.policy,
            self.info.attempt,
            kind=getattr(error, "type", None) or type(error).__name__,
            is_final=getattr(error, "non_retryable", False),
            delay=getattr(error, "next_retry_delay", None),
            left=None if timeout is None else self.info.scheduled_time + timeout - datetime.now(timezone.utc),
        )


def _run(info: Any, carrier: dict[str, str]) -> Any:
    name = info.activity_type
    if "task_id" not in carrier:
        carrier |= {"task_id": _task_id(info), "task_source": SOURCE}
        if info.attempt == 1:  # what scheduled it is not instrumented: this stands for its creation too
            return telemetry.task(name, id=carrier["task_id"], source=SOURCE)
    return telemetry.run_task({**carrier, "task_attempt": str(info.attempt)}, name=name, claimed=True)


def _task_id(info: Any) -> str:
    if info.workflow_run_id is None:  # started by a client, without a workflow
        return getattr(info, "activity_run_id", None) or info.activity_id
    return id_of(info.workflow_run_id, info.activity_id)


def is_retried(
    policy: Any, attempt: int, *, kind: str, is_final: bool, delay: timedelta | None, left: timedelta | None
) -> bool:
    """Whether the server tries again, by its own rule; ``left`` is the time until no attempt may begin any more."""
    if is_final or 0 < policy.maximum_attempts <= attempt or kind in (policy.non_retryable_error_types or ()):
        return False
    return left is None or (delay or _pause(policy, attempt)) < left


def _pause(policy: Any, attempt: int) -> timedelta:
    most = policy.maximum_interval or policy.initial_interval * 100
    growth = min(policy.backoff_coefficient, _MOST_GROWTH) ** min(attempt - 1, _MOST_TIMES)
    return timedelta(seconds=min(policy.initial_interval.total_seconds() * growth, most.total_seconds()))
