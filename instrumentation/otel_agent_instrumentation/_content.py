"""Whether the operator wants prompts and answers in his own spans; nothing of them is ever in an event."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["settings_for", "wants_content"]

_OPENINFERENCE = frozenset(
    f"openinference.instrumentation.{name}"
    for name in ("agno", "cohere", "google_genai", "litellm", "mistralai", "ollama", "together")
)
"""Those that an extra of ours brings. They show content unless told otherwise; their figures are exact without it."""

_HIDDEN = {"hide_inputs": "OPENINFERENCE_HIDE_INPUTS", "hide_outputs": "OPENINFERENCE_HIDE_OUTPUTS"}
"""Setting -> the operator's own variable for it, which wins."""

_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_YES = frozenset({"true", "1", "yes", "on", "span_only", "span_and_event"})
_NO = frozenset({"false", "0", "no", "off", "no_content", "event_only"})

_ELSEWHERE = {
    "OPENINFERENCE_HIDE_INPUTS": ("false", "true"),
    "OPENINFERENCE_HIDE_OUTPUTS": ("false", "true"),
    "TRACELOOP_TRACE_CONTENT": ("true", "false"),
}
"""Variables of other instrumentations -> what they say where content is wanted, and where it is not."""


def wants_content() -> bool:
    """What the variable of OpenTelemetry's GenAI instrumentations says, in its old (``true``) or new spelling."""
    return os.environ.get(_VARIABLE, "").strip().lower() in _YES


def tell_everyone() -> None:
    """Say in the variables of every instrumentation what that one variable says, if it says anything.

    OpenTelemetry's own take ``SPAN_ONLY`` where the older ones took ``true``, which they refuse
    (opentelemetry-util-genai, ``utils.get_content_capturing_mode``). What the operator set himself stays.
    """
    said = os.environ.get(_VARIABLE, "").strip().lower()
    if said not in _YES | _NO:
        return
    if "_" not in said:
        os.environ[_VARIABLE] = "SPAN_ONLY" if said in _YES else "NO_CONTENT"
    for name, (yes, no) in _ELSEWHERE.items():
        os.environ.setdefault(name, yes if said in _YES else no)


def settings_for(instrumentation: str) -> dict[str, Any]:
    """What the instrumentation in that module has to be told to leave content out, if it is one that shows it."""
    if instrumentation not in _OPENINFERENCE or wants_content():
        return {}
    from openinference.instrumentation import TraceConfig  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - there: the instrumentation needs it

    hidden = {name: True for name, variable in _HIDDEN.items() if variable not in os.environ}
    return {"config": TraceConfig(**hidden)}
