"""What Google ADK reports by itself, without what was said.

ADK has spans of its own, on the global provider and always on. Before 2.13, and later where
ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN asks for the older form, they hold what models and tools were given and gave. That
is left out here unless ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS is set, a run's own configuration decides, or
OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for content. Hooks: what ADK asks itself before it adds any of
it, ``TelemetryConfig.should_add_content_to_legacy_spans``, before 2.4 ``_should_add_request_response_to_spans``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._content import wants_content
from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["GoogleADKInstrumentor"]

_VARIABLE = "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS"
_PROPERTY = "should_add_content_to_legacy_spans"


class GoogleADKInstrumentor(FrameworkInstrumentor):
    """Keeps content out of what Google ADK reports."""

    requires: ClassVar[tuple[str, ...]] = ("google-adk >= 1.25, < 3",)

    def install(self, hooks: Hooks) -> None:
        """Hook what decides whether content is added to a span."""
        hooks.when_imported(
            "google.adk.telemetry.tracing",
            lambda module: hooks.wrap(module, "_should_add_request_response_to_spans", _decide),
        )
        hooks.when_imported("google.adk.telemetry.context", lambda module: _replace(module.TelemetryConfig, hooks))


def _decide(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> bool:  # noqa: ARG001 - wrapt's signature
    return wrapped(*args, **kwargs) and bool(_is_wanted())


def _replace(configuration: Any, hooks: Hooks) -> None:
    attributes: Mapping[str, Any] = configuration.__dict__
    original: Any = attributes[_PROPERTY]

    def decided(run: Any) -> bool:
        by_run = getattr(run, "capture_message_content", None) is not None
        return original.__get__(run) and (by_run or bool(_is_wanted()))

    setattr(configuration, _PROPERTY, property(decided))
    hooks.later(lambda: setattr(configuration, _PROPERTY, original))


@quiet
def _is_wanted() -> bool:
    return _VARIABLE in os.environ or wants_content()
