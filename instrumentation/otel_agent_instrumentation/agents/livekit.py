"""LiveKit Agents' own spans, without content.

LiveKit has spans of sessions, turns, model calls and tools wherever a tracer provider is there, and says in them what
was said. Unless OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT or LIVEKIT_TELEMETRY_ALLOW_PII asks for it, its
tracer leaves out what LiveKit itself counts as that. LiveKit's own filter is a span processor, which would take the
messages of exceptions from all other spans too. Hook: ``livekit.agents.telemetry.tracer``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation._tracers import OwnTracer
from otel_agent_instrumentation._wrappers import after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["LiveKitInstrumentor"]

_ASKED = "LIVEKIT_TELEMETRY_ALLOW_PII"


class LiveKitInstrumentor(FrameworkInstrumentor):
    """Leaves content out of what LiveKit reports by itself."""

    requires: ClassVar[tuple[str, ...]] = ("livekit-agents >= 1.8, < 2",)

    def install(self, hooks: Hooks) -> None:
        """Hook the tracer that all of LiveKit shares."""
        hooks.when_imported("livekit.agents.telemetry.traces", lambda module: _hook(hooks, module))


def _hook(hooks: Hooks, module: Any) -> None:
    if wants_content() or _ASKED in os.environ:
        return
    tracer, pii = module.tracer, module.pii

    def discreet(*_: Any) -> None:
        if not isinstance(tracer._tracer, _Discreet):  # noqa: SLF001 - what its spans come from has no other name
            tracer._tracer = _Discreet(tracer._tracer, pii)  # noqa: SLF001 - as above

    def undo() -> None:
        tracer._tracer = tracer._tracer.tracer  # noqa: SLF001 - as above

    discreet()
    hooks.later(undo)
    hooks.wrap(type(tracer), "set_provider", after(discreet))


class _Discreet(OwnTracer):
    """A tracer whose spans take no content."""

    def __init__(self, tracer: Tracer, pii: Any) -> None:
        self.tracer = tracer
        self._pii = pii

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, attributes: Any = None, **kwargs: Any
    ) -> Any:
        span = self.tracer.start_span(name, context, *args, attributes=self._told(attributes), **kwargs)
        self._watch(span)
        return span

    @quiet
    def _watch(self, span: Any) -> None:
        if not span.is_recording():
            return
        set_attributes, add_event = span.set_attributes, span.add_event

        def attribute_told(key: str, value: Any) -> None:
            set_attributes(self._told({key: value}))

        def event_told(name: str, attributes: Any = None, *args: Any, **kwargs: Any) -> None:
            if name not in self._pii.PII_EVENT_NAMES:
                add_event(name, self._told(attributes), *args, **kwargs)

        def attributes_told(attributes: Mapping[str, Any]) -> None:
            set_attributes(self._told(attributes))

        span.set_attribute, span.set_attributes, span.add_event = attribute_told, attributes_told, event_told

    def _told(self, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        return {name: value for name, value in (attributes or {}).items() if not self._pii.is_pii_attribute(name)}
