"""Whether the operator wants prompts and answers in his own spans; nothing of them is ever in an event."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["settings_for", "wants_content"]

_OPENINFERENCE = frozenset({"openinference.instrumentation.google_genai", "openinference.instrumentation.litellm"})
"""Those that an extra of ours brings. They show content unless told otherwise; their figures are exact without it."""

_HIDDEN = {"hide_inputs": "OPENINFERENCE_HIDE_INPUTS", "hide_outputs": "OPENINFERENCE_HIDE_OUTPUTS"}
"""Setting -> the operator's own variable for it, which wins."""

_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def wants_content() -> bool:
    """What the variable of OpenTelemetry's GenAI instrumentations says, in its old (``true``) or new spelling."""
    return os.environ.get(_VARIABLE, "").strip().lower() in {"true", "span_only", "span_and_event"}


def settings_for(instrumentation: str) -> dict[str, Any]:
    """What the instrumentation in that module has to be told to leave content out, if it is one that shows it."""
    if instrumentation not in _OPENINFERENCE or wants_content():
        return {}
    from openinference.instrumentation import TraceConfig  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - there: the instrumentation needs it

    hidden = {name: True for name, variable in _HIDDEN.items() if variable not in os.environ}
    return {"config": TraceConfig(**hidden)}
