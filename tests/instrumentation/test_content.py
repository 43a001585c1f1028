"""One variable for prompts and answers, in the words of every instrumentation."""

from __future__ import annotations

import os

import pytest
from opentelemetry.util.genai.types import ContentCapturingMode  # pyright: ignore[reportMissingTypeStubs] - it has none
from opentelemetry.util.genai.utils import get_content_capturing_mode  # pyright: ignore[reportMissingTypeStubs] - it has none

from otel_agent_instrumentation._content import tell_everyone, wants_content

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
OTHERS = ("OPENINFERENCE_HIDE_INPUTS", "OPENINFERENCE_HIDE_OUTPUTS", "TRACELOOP_TRACE_CONTENT")
SHOWN, HIDDEN = ["false", "false", "true"], ["true", "true", "false"]


@pytest.mark.parametrize(
    ("said", "mode", "others"),
    [
        ("true", ContentCapturingMode.SPAN_ONLY, SHOWN),
        (" On ", ContentCapturingMode.SPAN_ONLY, SHOWN),
        ("span_and_event", ContentCapturingMode.SPAN_AND_EVENT, SHOWN),
        ("event_only", ContentCapturingMode.EVENT_ONLY, HIDDEN),
        ("false", ContentCapturingMode.NO_CONTENT, HIDDEN),
        ("", ContentCapturingMode.NO_CONTENT, [None, None, None]),
    ],
)
def test_every_instrumentation_is_told(
    monkeypatch: pytest.MonkeyPatch, said: str, mode: ContentCapturingMode, others: list[str | None]
) -> None:
    """Whatever its spelling, OpenTelemetry's own understand it, and OpenInference and OpenLLMetry are told the same."""
    monkeypatch.setenv(VARIABLE, said)
    for name in OTHERS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    tell_everyone()
    assert (get_content_capturing_mode(), [os.environ.get(name) for name in OTHERS]) == (mode, others)
    assert wants_content() is (others == SHOWN)


def test_what_the_operator_set_himself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that an instrumentation has of its own wins over what is said for all."""
    monkeypatch.setenv(VARIABLE, "true")
    for name in OTHERS:
        monkeypatch.setenv(name, "mine")
    tell_everyone()
    assert [os.environ[name] for name in OTHERS] == ["mine"] * 3
