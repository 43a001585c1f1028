"""What Strands reports by itself, without content, with its sessions' ids and with what a cancellation leaves open.

Strands has spans of its own, on the global provider and always on (``strands.telemetry.tracer``). What is changed:

- Prompts, answers, inputs and outputs of tools and memories are in them, and only a token that a program puts into
  OTEL_SEMCONV_STABILITY_OPT_IN (``gen_ai_unredacted_attributes=``) has them redacted. Here they are, memories left out,
  unless that token names them or OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for content.
- An agent with a session manager gets that session's id as its trace attribute ``session.id``, if it has none.
- When an agent is cancelled, the spans of the calls that it waits for end with its own, which Strands forgets.
- Strands switches the instrumentation of threads on; where it is on already, nothing warns of that.

Not seen: reasoning tokens, which Strands does not read. An error's text is in its span, whatever it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["StrandsInstrumentor"]

_SESSION_ID = "session.id"
_UNPOLICED = "memory."  # events whose content the framework's own redaction leaves as it is


class StrandsInstrumentor(FrameworkInstrumentor):
    """Keeps content out of what Strands reports, and completes it."""

    requires: ClassVar[tuple[str, ...]] = ("strands-agents >= 1.50, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the tracer and the making of an agent."""
        spans = _Spans()

        def tracer(module: Any) -> None:
            hooks.wrap(module.Tracer, "_is_attribute_unredacted", _is_unredacted)
            hooks.wrap(module.Tracer, "_add_event", _add_event)
            hooks.wrap(module.Tracer, "_start_span", spans.started)
            hooks.wrap(module.Tracer, "end_span_with_cancellation", spans.cancelled)
            hooks.wrap(module, "ThreadingInstrumentor", _threading)

        hooks.when_imported("strands.telemetry.tracer", tracer)
        hooks.when_imported("strands.agent.agent", lambda module: hooks.wrap(module.Agent, "__init__", _made))


def _is_unredacted(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> bool:
    has_a_list = getattr(instance, "_redaction_enabled", False)
    return wrapped(*args, **kwargs) and (has_a_list or bool(_is_wanted()))


def _add_event(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    name = args[1] if len(args) > 1 else kwargs.get("event_name")
    if isinstance(name, str) and name.startswith(_UNPOLICED) and not _is_wanted():
        return None
    return wrapped(*args, **kwargs)


@quiet
def _is_wanted() -> bool:
    return wants_content()


class _Spans:
    """The spans that have not ended."""

    def __init__(self) -> None:
        self._open: WeakSet[Any] = WeakSet()

    def started(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        span = wrapped(*args, **kwargs)
        self._remember(span)
        return span

    def cancelled(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        self._end_below(wrapped, *args, **kwargs)
        wrapped(*args, **kwargs)

    @quiet
    def _remember(self, span: Any) -> None:
        self._open.add(span)

    @quiet
    def _end_below(self, end: Any, span: Any, cancellation: BaseException) -> None:
        ids, below = {span.get_span_context().span_id}, list[Any]()
        for each in sorted((each for each in self._open.copy() if each.is_recording()), key=_start):
            if each.parent is not None and each.parent.span_id in ids:
                ids.add(each.get_span_context().span_id)
                below.append(each)
        for each in reversed(below):
            end(each, cancellation)


def _start(span: Any) -> int:
    return span.start_time


class _On:
    """Stands for an instrumentation that is on."""

    def instrument(self) -> None:
        """Nothing."""


def _threading(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 - wrapt's signature
    made = wrapped(*args, **kwargs)
    return _On() if made.is_instrumented_by_opentelemetry else made


def _made(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
    wrapped(*args, **kwargs)
    _name_session(instance)


@quiet
def _name_session(agent: Any) -> None:
    session_id = getattr(agent._session_manager, "session_id", None)  # noqa: SLF001 - there is no public way to ask
    if isinstance(session_id, str):
        agent.trace_attributes.setdefault(_SESSION_ID, session_id)
