from __future__ import annotations

import pytest

from otel_agent_telemetry.contract import ERROR_CATEGORIES
from otel_agent_telemetry.meaning._outcomes import category, failure
from tests.meaning.spans import span


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("<class 'openai.RateLimitError'>", "rate_limit"),
        ("429", "rate_limit"),
        ("rate_limit_error", "rate_limit"),
        ("google.adk.models.google_llm._ResourceExhaustedError", "rate_limit"),
        ("langchain_openai.chat_models.base.OpenAIAPIError", "api_error"),
        ("openai.InternalServerError", "api_error"),
        ("overloaded_error", "api_error"),
        ("503", "api_error"),
        ("openai.AuthenticationError", "auth"),
        ("401", "auth"),
        ("permission_error", "auth"),
        ("TimeoutError", "timeout"),
        ("httpx.ReadTimeout", "timeout"),
        ("dramatiq.middleware.time_limit.TimeLimitExceeded", "timeout"),
        ("asyncio.exceptions.CancelledError", "cancelled"),
        ("pydantic_core._pydantic_core.ValidationError", "validation"),
        ("ContextWindowExceededError", "context_overflow"),
        ("pydantic_ai.exceptions.ModelHTTPError", "provider_error"),
        ("RuntimeError", "internal"),
        ("rate_limit", "rate_limit"),
        ("_OTHER", "unknown"),
        ("", "unknown"),
        ("Traceback: open /srv/customers.csv failed", "unknown"),
    ],
)
def test_category(raw: str, found: str) -> None:
    """A class, its text, an API code or an HTTP status tells the category; anything else is unknown."""
    assert category(raw) == found


@pytest.mark.parametrize(
    ("raw", "kind", "found"),
    [
        ("RuntimeError", "tool", "tool_error"),
        ("", "tool", "tool_error"),
        ("TimeoutError", "tool", "timeout"),
        ("_OTHER", "model", "provider_error"),
        ("RuntimeError", "model", "internal"),
    ],
)
def test_category_of_a_call(raw: str, kind: str, found: str) -> None:
    """What is not known of a call's error is the error of such a call."""
    assert category(raw, kind) == found


@pytest.mark.parametrize(
    ("attributes", "exception", "found"),
    [
        ({"error.type": "429"}, "openai.AuthenticationError", "rate_limit"),
        ({"error.type": "_OTHER"}, "openai.AuthenticationError", "auth"),
        ({"error_type": "RateLimitError"}, "", "rate_limit"),
        ({"http.response.status_code": 500}, "", "api_error"),
    ],
)
def test_precedence(attributes: dict[str, object], exception: str, found: str) -> None:
    """``error.type`` comes before the exception, which comes before an HTTP status."""
    assert failure(span(1, attributes, is_error=True, exception=exception)) == found


def test_every_category_is_of_the_contract() -> None:
    """No error type gives a category that the contract does not have."""
    words = ("a", "Quota", "TooLarge", "Throttled", "499", "413", "999", "x" * 99, "ToolException")
    assert {category(word, kind) for word in words for kind in (None, "tool", "model")} <= set(ERROR_CATEGORIES)
