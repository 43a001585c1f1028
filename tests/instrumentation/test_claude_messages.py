"""What is read from messages of the Claude Code CLI that its newest version does not write, or hardly ever."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from otel_agent_instrumentation.agents._claude_messages import CANCELLED, Account, Ending, ending_of, input_of

ANSWER = {"usage": {"input_tokens": 64, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 16}}
OUTPUT = Counter(output=50, cost_usd=2)


def used(times: int) -> dict[str, Any]:
    """So many answers like that one, as a result counts them."""
    return {
        "inputTokens": 64 * times,
        "cacheReadInputTokens": 40 * times,
        "cacheCreationInputTokens": 16 * times,
        "outputTokens": 50 * times,
        "costUSD": 2 * times,
    }


def test_a_running_total_is_taken_apart() -> None:
    """Where a result has nothing but totals of the session, a turn used what they have grown by."""
    account = Account()
    for total in (1, 2):
        account.tell("opus", input_of(ANSWER))
        assert account.owed({"modelUsage": {"opus": used(total)}}) == {"opus": OUTPUT}


@pytest.mark.parametrize(
    "model", ["claude-opus-5[1m]", "us.anthropic.claude-opus-5-v1:0", "claude-opus", "gateway/large"]
)
def test_a_model_has_many_names(model: str) -> None:
    """The input that an answer told is not counted again where the result calls its model by another name."""
    account = Account()
    account.tell("claude-opus-5", input_of(ANSWER))
    assert account.owed({"model_usage_since_last_result": {model: used(1)}}) == {model: OUTPUT}


def test_a_model_that_no_answer_names() -> None:
    """What the CLI asked on the side is owed as a whole, and takes nothing from what others told."""
    account = Account()
    account.tell("opus", input_of(ANSWER))
    owed = account.owed({"model_usage_since_last_result": {"opus": used(1), "haiku": used(1)}})
    assert owed == {"opus": OUTPUT, "haiku": OUTPUT + input_of(ANSWER)}


def test_an_answer_that_counts_in_the_next_result() -> None:
    """A subagent's answer may be shown before a result that does not count it yet: it is owed once."""
    account = Account()
    account.tell("opus", input_of(ANSWER))
    account.tell("opus", input_of(ANSWER))
    results = [{"model_usage_since_last_result": {"opus": used(1)}}] * 2
    assert [account.owed(result) for result in results] == [{"opus": OUTPUT}] * 2


@pytest.mark.parametrize(
    ("result", "ending"),
    [
        ({"subtype": "success"}, Ending()),
        (
            {"subtype": "success", "is_error": True, "api_error_status": 529, "terminal_reason": "api_error"},
            Ending("529"),
        ),
        ({"subtype": "success", "is_error": True, "terminal_reason": "prompt_too_long"}, Ending("context_overflow")),
        ({"subtype": "error_during_execution", "is_error": True}, Ending("error_during_execution")),
        ({"subtype": "error_during_execution", "is_error": False}, CANCELLED),
        ({"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_tools"}, CANCELLED),
    ],
)
def test_how_a_turn_ended(result: dict[str, Any], ending: Ending) -> None:
    """By its reason, else its subtype; an interrupt is no error, however the CLI calls it."""
    assert ending_of(result) == ending
