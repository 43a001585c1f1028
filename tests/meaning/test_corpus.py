"""What really emitted spans become.

The expectations were written from each case's ``meta`` and the normalisation table.

``differs`` in expectations.json says why a file's totals are not those of its ``meta.truth``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.meaning.cases import added_up, captured, counted, events

_EXPECTED: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("expectations.json").read_text(encoding="utf-8")
)
_TRUTH = {
    "modelCalls": "llm_requests_ok",
    "modelErrors": "llm_requests_failed",
    "inputTokens": "input",
    "outputTokens": "output",
    "cacheReadTokens": "cached",
    "cacheWriteTokens": "cache_write",
    "reasoningTokens": "reasoning",
    "toolCalls": "tool_functions_run_ok",
    "toolErrors": "tool_functions_failed",
}
_OBSERVED_BY_TWO = (
    ("genai_openai__chat", "openinference_openai__chat", ()),
    ("genai_openai__chat", "openai_v2__chat", ("cacheReadTokens", "reasoningTokens")),
    ("genai_langchain__tool", "langchain_openinference__tool", ()),
    ("genai_langchain__tool", "langchain_traceloop__tool", ("reasoningTokens",)),
    ("genai_langchain__toolerr", "langchain_openinference__toolerr", ()),
    ("genai_langchain__toolerr", "langchain_traceloop__toolerr", ("reasoningTokens",)),
    ("genai_langchain__llm429", "langchain_openinference__llm429", ()),
    ("genai_langchain__session", "langchain_traceloop__session", ("reasoningTokens",)),
    ("genai_langchain__graph", "langchain_openinference__graph", ("workflows",)),
    ("genai_langchain__graph", "langchain_traceloop__graph", ("workflows", "agentRuns", "reasoningTokens")),
    ("genai_openai_agents__handoff_both", "openai_agents_v2__handoff", ("cacheReadTokens", "reasoningTokens")),
    ("genai_openai_agents__agenttool", "openai_agents_v2__agenttool", ("modelCalls", "inputTokens", "outputTokens")),
    ("google_adk__tool_both", "google_adk__tool_plain", ()),
)
"""Two views of one program, and the totals that one of the two does not carry or sees in its own way."""


@pytest.mark.parametrize("path", captured(), ids=lambda path: path.stem)
def test_totals(path: Path) -> None:
    """Sessions, runs, calls and tokens are those that were written down for the case."""
    assert added_up(path) == _EXPECTED[path.stem]["totals"]


@pytest.mark.parametrize("path", captured(), ids=lambda path: path.stem)
def test_events(path: Path) -> None:
    """Each case gives the events that were written down for it, and no other."""
    assert counted(path) == _EXPECTED[path.stem]["events"]


@pytest.mark.parametrize("path", captured(), ids=lambda path: path.stem)
def test_failures(path: Path) -> None:
    """A session that ended with an error says what kind, one that did not says nothing."""
    failures = [event.properties["errorCategory"] for event in events(path) if event.event.name == "session.failure"]
    assert failures == _EXPECTED[path.stem].get("failures", [])


@pytest.mark.parametrize("path", captured(), ids=lambda path: path.stem)
def test_truth(path: Path) -> None:
    """The totals are what the model server served, unless the table says why the telemetry cannot know."""
    expected = _EXPECTED[path.stem]
    truth = json.loads(path.read_text(encoding="utf-8"))["meta"]["truth"]
    served = {total: truth[key] for total, key in _TRUTH.items()}
    found = {total: expected["totals"][total] for total in _TRUTH}
    assert (found == served) is ("differs" not in expected)


@pytest.mark.parametrize("path", captured(), ids=lambda path: path.stem)
def test_sessions_add_up(path: Path) -> None:
    """What the sessions say they used is what the model calls inside them used."""
    cleaned = events(path)
    ended = [event.properties for event in cleaned if event.event.name == "session.ended"]
    usage = [event.properties for event in cleaned if event.event.name == "token.usage"]
    if ended:
        for name in ("inputTokens", "outputTokens", "cacheReadTokens", "reasoningOutputTokens"):
            assert sum(_int(each.get(name)) for each in ended) == sum(_int(each.get(name)) for each in usage)


@pytest.mark.parametrize(("first", "second", "lost"), _OBSERVED_BY_TWO, ids=str)
def test_two_views_of_one_program(first: str, second: str, lost: tuple[str, ...]) -> None:
    """Two instrumentations of one program give the same totals, save what one of them loses."""
    one, other = _EXPECTED[first]["totals"], _EXPECTED[second]["totals"]
    assert {total for total in one if one[total] != other[total]} == set(lost)


def test_the_table_is_whole() -> None:
    """Every captured file has its expectation."""
    assert {path.stem for path in captured()} <= _EXPECTED.keys()


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
