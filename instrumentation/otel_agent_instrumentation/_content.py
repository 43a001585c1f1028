"""Whether the operator wants prompts and answers in his own spans; nothing of them is ever in an event."""

from __future__ import annotations

import os

__all__ = ["wants_content"]

_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def wants_content() -> bool:
    """What the variable of OpenTelemetry's GenAI instrumentations says, in its old (``true``) or new spelling."""
    return os.environ.get(_VARIABLE, "").strip().lower() in {"true", "span_only", "span_and_event"}
