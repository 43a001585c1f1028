from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.collector.fleet import pair, send
from tests.collector.made import request, span, trace_id
from tests.collector.running import lines, plain, spans, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.collector

CORPUS = Path(os.environ.get("GENAI_CORPUS") or Path(__file__).parents[1] / "data" / "corpus")
COUNTED = re.compile(r"tokens?(_count)?\b|[._]usage[._]")


class Passed(NamedTuple):
    """What was sent, and what arrived behind agent.yaml."""

    sent: dict[str, dict[str, Any]]
    arrived: dict[str, dict[str, Any]]
    text: str


def by_id(*requests: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Spans by trace and span id."""
    return {f"{span['traceId']}:{span['spanId']}": span for span in spans(*requests)}


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Passed:
    """The spans and metrics of every captured framework, sent through agent.yaml."""
    captured = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(CORPUS.glob("*__*.json"))]
    sent = by_id(*(capture["traces"] for capture in captured))
    agent, gateway = pair(tmp_path_factory.mktemp("redaction"))
    traces, metrics = gateway.files / "traces.jsonl", gateway.files / "metrics.jsonl"
    with gateway, agent:
        for capture in captured:
            send(agent, "traces", json.dumps(capture["traces"]).encode())
            if capture["metrics"]:
                send(agent, "metrics", json.dumps(capture["metrics"]).encode())
        wait_until(lambda: len(by_id(*lines(traces))) == len(sent), "every span to arrive")
        wait_until(metrics.exists, "metrics to arrive")
    return Passed(sent, by_id(*lines(traces)), traces.read_text("utf-8") + metrics.read_text("utf-8"))


def test_every_span_arrives(passed: Passed) -> None:
    """Redaction takes attributes out and no span."""
    assert len(passed.sent) > 100
    assert passed.arrived.keys() == passed.sent.keys()


def test_no_canary_arrives(passed: Passed) -> None:
    """Prompts, answers, tool arguments, error texts, user and session ids, agent names: none of them arrives."""
    sent = json.dumps(passed.sent)
    planted = json.loads((CORPUS / "canaries.json").read_text(encoding="utf-8"))
    canaries = [canary for group in planted.values() for canary in group.values()]
    assert len([canary for canary in canaries if canary in sent]) > 10
    assert [canary for canary in canaries if canary in passed.text] == []


def counts(span: Mapping[str, Any]) -> dict[str, object]:
    """The token counts of a span, whatever its dialect calls them."""
    found = plain(span.get("attributes", []))
    return {key: value for key, value in found.items() if COUNTED.search(key) and isinstance(value, (int, float))}


def test_every_token_count_arrives(passed: Passed) -> None:
    """Token counts of every dialect are what they were."""
    sent = {key: counts(span) for key, span in passed.sent.items()}
    assert sum(map(len, sent.values())) > 300
    assert {key: counts(span) for key, span in passed.arrived.items()} == sent


def test_equal_names_stay_equal(passed: Passed) -> None:
    """A conversation's id arrives as a keyed hash, one for each id that was sent."""
    key = "gen_ai.conversation.id"
    pairs = {
        (plain(span["attributes"])[key], plain(passed.arrived[name]["attributes"])[key])
        for name, span in passed.sent.items()
        if key in plain(span.get("attributes", []))
    }
    sent, arrived = map(set, zip(*pairs, strict=True))
    assert len(pairs) == len(sent) == len(arrived) > 3
    assert all(re.fullmatch("[0-9a-f]{64}", str(hashed)) for hashed in arrived)


def test_a_span_is_named_by_what_it_does(passed: Passed) -> None:
    """A name is an operation or the library that made the span: nothing that a caller chose."""
    names = {span["name"] for span in passed.arrived.values()}
    assert {"chat", "execute_tool", "invoke_agent", "LLM", "TOOL"} <= names
    assert [name for name in names if not re.fullmatch(r"[A-Za-z_.-]+", name)] == []


def test_errors_stay_errors_without_their_text(passed: Passed) -> None:
    """The status code arrives, its message does not."""
    sent = {key: span["status"].get("code") for key, span in passed.sent.items() if span.get("status")}
    arrived = {key: passed.arrived[key]["status"] for key in sent}
    assert {key: status.get("code") for key, status in arrived.items()} == sent
    assert [status for status in arrived.values() if status.get("message")] == []


def test_words_of_other_languages_pass_without_what_was_said(tmp_path: Path) -> None:
    """Of a call of Vercel's AI SDK its figures and model arrive, its ids as keyed hashes, its texts not at all."""
    figures: dict[str, Any] = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.id": "gpt-4o",
        "ai.usage.inputTokens": 120,
        "ai.usage.outputTokenDetails.reasoningTokens": 7,
        "gen_ai.usage.output_tokens.reasoning": 7,
    }
    ids: dict[str, Any] = {"ai.telemetry.metadata.sessionId": "alice-1", "ai.response.id": "r-1"}
    texts: dict[str, Any] = {"ai.prompt": "p", "ai.response.text": "t", "ai.toolCall.args": "a", "input.value": "i"}
    agent, gateway = pair(tmp_path)
    with gateway, agent:
        send(agent, "traces", request(span(trace_id(), **figures, **ids, **texts)))
        wait_until(lambda: lines(gateway.files / "traces.jsonl"), "the span to arrive")
    [arrived] = spans(*lines(gateway.files / "traces.jsonl"))
    found = plain(arrived["attributes"])
    hashed = {key: found.pop(key) for key in ids}
    assert found == figures
    assert all(re.fullmatch("[0-9a-f]{64}", str(value)) for value in hashed.values())
