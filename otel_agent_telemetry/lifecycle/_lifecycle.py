"""Sessions, tasks, tools, agent runs, model calls, commands and workflows of an agent service.

Each call gives a :class:`Handle`; what has no duration is one call. Nothing here needs the SDK, consent or a network:
without a provider every span is a no-op, and in an opted-out program with no exporter of the operator's own nothing
of OpenTelemetry is even imported.
"""

from __future__ import annotations

import os
import time

from otel_agent_telemetry import _losses
from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.lifecycle._attached import Attached
from otel_agent_telemetry.lifecycle._handle import OFF, Handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from otel_agent_telemetry.lifecycle._live import LiveSpan
    from otel_agent_telemetry.lifecycle._spans import Spans

__all__ = ["DEFAULT", "Lifecycle"]


_LONGEST_MS = 366 * 86_400_000  # a year: what lasted longer is no number of milliseconds


class Lifecycle:
    """The calls of one telemetry: the program's (:data:`DEFAULT`) or a library's own."""

    __slots__ = ("_spans", "isolated", "off", "source")

    def __init__(self, *, isolated: bool = False) -> None:
        self.off = False
        self.isolated = isolated
        self.source: str | None = None
        self._spans: Spans | None = None

    def session(
        self,
        *,
        agent: str | None = None,
        id: str | None = None,  # noqa: A002 - the word of the field
        agent_id: str | None = None,
        harness_provider: str | None = None,
        role: str | None = None,
        model: str | None = None,
        task_id: str | None = None,
    ) -> Handle:
        """One conversation, or one worker's life, with an agent; ``id`` is made up where none is given.

        ``task_id`` is the task that it works on, where that does not run around it in this process.
        """
        if self.off:
            return OFF
        arguments = {
            "agent": agent,
            "id": id,
            "agent_id": agent_id,
            "harness_provider": harness_provider,
            "role": role,
            "model": model,
            "task_id": task_id,
        }
        return Handle(self, names.LIFECYCLE_SESSION, arguments)

    def task(
        self,
        name: str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of the field
        source: str | None = None,
        priority: int | None = None,
        agent: str | None = None,
        agent_id: str | None = None,
        has_parent: bool | None = None,
        tags: Sequence[str] | None = None,
    ) -> Handle:
        """A unit of work that is created and run here.

        ``tags`` are at most 32 values that the product declared with ``contract.tag``; any other leaves as ``other``.
        """
        if self.off:
            return OFF
        arguments = {
            "name": name,
            "id": id,
            "source": source,
            "priority": priority,
            "agent": agent,
            "agent_id": agent_id,
            "has_parent": has_parent,
            "tags": tags,
            "created": True,
        }
        return Handle(self, names.LIFECYCLE_TASK, arguments)

    def run_task(
        self,
        carrier: Mapping[str, str],
        *,
        name: str | None = None,
        claimed: bool = False,
        agent: str | None = None,
        agent_id: str | None = None,
    ) -> Handle:
        """The run of a task that :meth:`create_task` made anywhere; ``claimed`` means it was taken from a pool."""
        if self.off:
            return OFF
        arguments = {"carrier": carrier, "name": name, "claimed": claimed, "agent": agent, "agent_id": agent_id}
        return Handle(self, names.LIFECYCLE_TASK, arguments)

    def tool(self, name: str, *, call_id: str | None = None) -> Handle:
        """One tool call."""
        if self.off:
            return OFF
        arguments = {"name": name, "call_id": call_id, "agent": None, "session_id": None}
        return Handle(self, names.LIFECYCLE_TOOL, arguments)

    def agent(self, name: str | None = None, *, id: str | None = None) -> Handle:  # noqa: A002 - the word of the field
        """One run of an agent (``invoke_agent``)."""
        if self.off:
            return OFF
        return Handle(self, names.LIFECYCLE_AGENT, {"name": name, "id": id})

    def model_call(
        self, model: str | None, *, provider: str | None = None, operation: str = names.OPERATION_CHAT
    ) -> Handle:
        """One call of a model; give its usage with :meth:`Handle.record`."""
        if self.off:
            return OFF
        return Handle(self, names.LIFECYCLE_MODEL_CALL, {"model": model, "provider": provider, "operation": operation})

    def command(self, name: str, *, program: str | None = None) -> Handle:
        """One run of a command of the product; ``name`` is its path without the ``program``, never an argument."""
        if self.off:
            return OFF
        return Handle(self, names.LIFECYCLE_COMMAND, {"name": name, "program": program})

    def workflow(
        self,
        name: str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of the field
        node_count: int | None = None,
        trigger: str | None = None,
    ) -> Handle:
        """One run of a workflow; ``trigger`` is ``schedule``, ``manual``, ``event`` or ``api``."""
        if self.off:
            return OFF
        arguments = {"name": name, "id": id, "node_count": node_count, "trigger": trigger}
        return Handle(self, names.LIFECYCLE_WORKFLOW, arguments)

    def record_tokens(
        self,
        model: str | None,
        *,
        input: int | None = None,  # noqa: A002 - the word of the field
        output: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
        cost_usd: float | None = None,
        provider: str | None = None,
    ) -> None:
        """The usage of one model call that nothing else observes; counts are tokens."""
        if self.off:
            return
        call = self.model_call(model, provider=provider).start(make_current=False)
        call.record(
            input=input,
            output=output,
            cache_read=cache_read,
            cache_write=cache_write,
            reasoning=reasoning,
            cost_usd=cost_usd,
        )
        call.end()

    def create_task(
        self,
        name: str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of the field
        source: str | None = None,
        priority: int | None = None,
        provider: str | None = None,
        has_parent: bool | None = None,
        tags: Sequence[str] | None = None,
    ) -> dict[str, str]:
        """Create a task that runs later: a carrier to put into the queue's message, for :meth:`run_task`.

        A plain dictionary of strings: ``task_id``, what is known of the task, and W3C trace context. ``tags`` are as
        in :meth:`task`.
        """
        task_id = _text_of(id) or os.urandom(16).hex()
        if self.off:
            return {"task_id": task_id}
        arguments = {
            "name": name,
            "task_id": task_id,
            "source": source,
            "priority": priority,
            "provider": provider,
            "has_parent": has_parent,
            "tags": tags,
        }
        spans = self._load()
        return spans.create_task(arguments) if spans is not None else {"task_id": task_id}

    def cancel_task(
        self,
        task: Mapping[str, str] | str,
        *,
        previous_status: str | None = None,
        source: str | None = None,
        agent_id: str | None = None,
    ) -> None:
        """A task, given by its carrier or id, is cancelled and no run of it will say so."""
        if not self.off:
            self._give_up(
                "task.cancelled", task, {"source": source, "agentId": agent_id, "previousStatus": previous_status}
            )

    def fail_task(
        self,
        task: Mapping[str, str] | str,
        error: BaseException | str,
        *,
        source: str | None = None,
        agent_id: str | None = None,
    ) -> None:
        """A task, given by its carrier or id, failed where its run cannot say so: its process was killed."""
        if not self.off:
            kind = error if isinstance(error, str) else type(error).__qualname__
            self._give_up("task.failed", task, {"source": source, "agentId": agent_id, "errorType": kind})

    def supersede_task(
        self,
        task: Mapping[str, str] | str,
        *,
        reason: str,
        source: str | None = None,
        agent_id: str | None = None,
    ) -> None:
        """A task, given by its carrier or id, is replaced, by reason of ``graceful_shutdown``, ``crash_recovery``."""
        if not self.off:
            self._give_up("task.superseded", task, {"source": source, "agentId": agent_id, "reason": reason})

    def track(self, event: str, /, **properties: Any) -> None:
        """Record a declared event that has no duration; a property that is None is left out."""
        if self.off:
            return
        spans = self._load()
        if spans is not None:
            spans.event(event, properties)

    def track_command(
        self,
        name: str,
        *,
        is_success: bool = True,
        duration_ms: int | None = None,
        exit_code: int | None = None,
        error: str | None = None,
    ) -> None:
        """A command of the product ran; ``error`` is an error category."""
        self.track(
            "command.executed",
            command=name,
            isSuccess=is_success,
            durationMs=duration_ms,
            exitCode=exit_code,
            errorCategory=error,
        )

    def track_tool(
        self,
        name: str,
        *,
        duration_ms: float = 0,
        error: BaseException | str | None = None,
        call_id: str | None = None,
        agent: str | None = None,
        session_id: str | None = None,
    ) -> None:
        """A tool call that ended just now, in one line: ``tool.called``, and a span of that duration.

        ``error`` is the exception, the name of its type, or an error category. ``agent`` and ``session_id`` say whose
        call it was where no session is around.
        """
        if self.off:
            return
        lasted = duration_ms if isinstance(duration_ms, (int, float)) and 0 <= duration_ms < _LONGEST_MS else 0  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        now = time.time_ns()
        arguments = {"name": name, "call_id": call_id, "agent": agent, "session_id": session_id}
        call = Handle(self, names.LIFECYCLE_TOOL, arguments)
        call.start(make_current=False, at=now - int(lasted * 1_000_000))
        call.end(error, at=now)

    def feedback(
        self,
        name: str = "user_feedback",
        *,
        score: float | None = None,
        label: str | None = None,
        explanation: str | None = None,
        response_id: str | None = None,
        on: Handle | Mapping[str, str] | None = None,
    ) -> None:
        """Say what a user, or an evaluator, thought of an answer, as ``gen_ai.evaluation.result``; it is no event.

        ``on`` is what it is of: a handle, running or over, or a mapping with ``traceparent``, such as a carrier;
        without it, the current span. Of ``explanation`` 10,000 characters are kept. Only the operator's traces have it.
        """
        if self.off:
            return
        given = {"name": name, "score": score, "label": label, "explanation": explanation, "response_id": response_id}
        spans = self._load()
        if spans is not None:
            spans.feedback(given, on)

    def context(
        self, *, user: str | None = None, tags: Sequence[str] = (), **attributes: object
    ) -> AbstractContextManager[None]:
        """Say of every span that begins within, whoever makes it, for whom it is: for the operator's traces alone.

        ``user`` is its ``user.id``, ``tags`` its ``tag.tags``; of ``attributes`` up to 32 texts, numbers and truth
        values, as text. It travels with carriers, and as W3C baggage with whatever propagates that, so also to the
        hosts that an instrumented HTTP client calls. No event has any of it. A name that spans are understood by, such
        as ``gen_ai.agent.name``, is left to the spans.
        """
        spans = None if self.off else self._load()
        if spans is None:
            return Attached(None, {})
        return spans.around({**attributes, names.USER_ID: user, names.TAGS: list(tags) or None})

    def server_started(self, *, port: int | None = None) -> None:
        """The server takes requests."""
        self.track("server.started", port=port)

    def server_shutdown(
        self, *, signal: str | None = None, uptime_ms: int | None = None, sessions_processed: int | None = None
    ) -> None:
        """The server stops."""
        self.track("server.shutdown", signal=signal, uptimeMs=uptime_ms, sessionsProcessed=sessions_processed)

    def declare_source(self, source: str) -> None:
        """Say what this process turned out to be, ``api-server``, ``worker`` or ``cli``, where no setting says it."""
        self.source = source

    def current_session(self) -> Handle | None:
        """The session that this code runs in."""
        return None if self.off or self._spans is None else self._spans.current_session()

    def current_task(self) -> Handle | None:
        """The task that this code runs in."""
        return None if self.off or self._spans is None else self._spans.current_task()

    def child_environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment for a subprocess: ``base`` (``os.environ``) with the current span as ``TRACEPARENT``."""
        environment = dict(os.environ if base is None else base)
        spans = None if self.off else self._load()
        if spans is not None:
            environment.update(spans.trace_variables())
        return environment

    def carrier(self) -> dict[str, str]:
        """What surrounds this code, for :meth:`attached` in another process: trace, baggage and the session's id.

        A plain dictionary of strings, empty where nothing surrounds it. For work that is no task of its own.
        """
        spans = None if self.off else self._load()
        return {} if spans is None else spans.carrier()

    def attached(self, carrier: Mapping[str, str]) -> Attached:
        """Context manager: what happens inside belongs to what surrounded :meth:`carrier`, and to nothing else."""
        return Attached(None if self.off else self._load(), carrier)

    def begin(
        self,
        handle: Handle,
        arguments: Mapping[str, Any],
        parent: Handle | None,
        *,
        make_current: bool,
        at: int | None = None,
    ) -> LiveSpan | None:
        """Start the span of a handle; None where this telemetry was switched off meanwhile."""
        spans = None if self.off else self._load()
        return None if spans is None else spans.begin(handle, arguments, parent, make_current=make_current, at=at)

    def use(self, spans: Spans) -> None:
        """Make spans with these providers from now on."""
        self._spans = spans

    def _load(self) -> Spans | None:
        if self._spans is None and not self.isolated:
            from otel_agent_telemetry.lifecycle._spans import Spans  # OpenTelemetry is imported with the first span

            self._spans = Spans()
        return self._spans

    def _give_up(self, event: str, task: Mapping[str, str] | str, properties: dict[str, object]) -> None:
        carrier = {"task_id": task} if isinstance(task, str) else task
        try:
            task_id, created_by = _text_of(carrier["task_id"]), carrier.get("task_source")
        except (KeyError, TypeError, AttributeError):
            task_id = created_by = None
        if task_id is None:  # an event that names no task would say nothing
            _losses.count("wrong_type")
            return
        from otel_agent_telemetry.lifecycle._carrier import age_ms

        source = properties.pop("source")
        source = created_by if source is None else source
        spans = self._load()
        if spans is not None:
            about = {"taskId": task_id, "source": source, **properties, "durationMs": age_ms(carrier)}
            spans.event(event, about, carrier=carrier)


def _text_of(identifier: object) -> str | None:
    """An id as the text that a carrier holds; whole numbers are common, anything else is no id."""
    if type(identifier) is int and abs(identifier) < 2**63:
        return str(identifier)
    return identifier if isinstance(identifier, str) and identifier else None


DEFAULT = Lifecycle()
"""The program's own, behind the functions of the package."""
