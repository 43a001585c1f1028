"""Every way of emitting that the corpus does not show: small files that real programs wrote, or written from the table.

The programs of the captured ones talked to a model server that follows a script; ``meta`` has the versions and what
that server served: 120 and 30 tokens with the first answer, 180 and 45 with each that follows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from otel_agent_telemetry.meaning import DIALECT_KEYS, Meaning
from tests.meaning.cases import DIALECTS, added_up, facts
from tests.meaning.spans import AGENT, properties, span

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning._records import Usage

NAMES = (
    *("sessions", "agentRuns", "workflows", "toolCalls", "toolErrors", "modelCalls", "modelErrors"),
    *("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens"),
)
TOTALS = {
    # two agents, one called as the other's tool
    "agent_framework__agenttool": (1, 2, 0, 2, 0, 4, 0, 660, 165, 448, 0, 72),
    # two turns; the conversation on each call is its response's id, and no span names the session
    "agent_framework__session": (2, 2, 0, 2, 0, 4, 0, 660, 165, 448, 0, 72),
    # the agent span repeats its calls' usage
    "agent_framework__toolerr": (1, 1, 0, 0, 1, 2, 0, 300, 75, 192, 0, 32),
    # a stream that broke: an error, and only the input is known
    "anthropic_native__stream_mid": (0, 0, 0, 0, 0, 0, 1, 120, 0, 64, 16, 0),
    # an agent without a name, whose tool failed
    "anthropic_native__tool_runner": (1, 1, 0, 0, 1, 2, 0, 300, 75, 192, 32, 0),
    # one call seen by two instrumentations in two traces: only the response id joins them
    "anthropic_traceloop__both": (0, 0, 0, 0, 0, 1, 0, 120, 30, 64, 16, 0),
    # the same, and a call that failed, which has no response
    "anthropic_traceloop__both_llm500": (1, 1, 0, 1, 0, 1, 1, 120, 30, 64, 16, 0),
    # input without the cached part: 40 + 64 + 16
    "anthropic_traceloop__uncached_input": (0, 0, 0, 0, 0, 1, 0, 120, 30, 64, 16, 0),
    # agent and tool, but no model calls
    "autogen_native__toolerr": (1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    # two agents in one crew, the second asked by a tool of the first
    "crewai_tracing__delegate": (1, 2, 1, 1, 0, 3, 0, 480, 120, 320, 0, 52),
    # a failed tool call, and a second span that remarks on it
    "crewai_tracing__toolerr": (1, 1, 1, 0, 1, 2, 0, 300, 75, 192, 0, 32),
    # an embedding inside an embedding
    "genai_openai__both_embeddings": (0, 0, 0, 0, 0, 0, 0, 120, 0, 0, 0, 0),
    # a pipeline is a chain
    "haystack_openinference__pipe": (0, 0, 0, 0, 0, 1, 0, 120, 30, 0, 0, 0),
    # each call once below the agent and once in a trace of its own, without a response id on either
    "langchain_openinference__both": (1, 1, 0, 1, 0, 2, 0, 300, 75, 192, 0, 32),
    # the same for a call that failed
    "langchain_openinference__both_llm429": (1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    # operation "acompletion", synonyms on one span, a raw request below
    "litellm__old": (0, 0, 0, 0, 0, 1, 1, 120, 30, 0, 0, 0),
    # only llm.request.type tells what it is
    "litellm__sync": (0, 0, 0, 0, 0, 1, 0, 120, 30, 0, 0, 0),
    # the model call ends after the agent
    "litellm__v2_late": (1, 1, 0, 0, 0, 1, 0, 120, 30, 64, 0, 0),
    # three dialects on one span
    "litellm_v2_oi__stream": (1, 0, 0, 0, 0, 1, 0, 120, 30, 64, 0, 0),
    # preparations that call themselves model calls; the agent is a chain
    "llamaindex_openinference__tool": (0, 0, 0, 1, 0, 2, 0, 300, 75, 192, 0, 32),
    # a server that gives each response the same id
    "local_server__one_id_for_all": (0, 0, 0, 0, 0, 3, 0, 360, 90, 0, 0, 0),
    # agent, client and server see one tool call, which failed; another comes from elsewhere
    "mcp_native__nested": (1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0),
    # the agent has the server's name before the tool's
    "mcp_native__nested_prefixed": (1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    # a server without an agent around it
    "mcp_native__toolerr": (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    # the call inside says nothing of the tokens of its stream, the one around it does
    "openai_agents_oi__both_stream": (1, 1, 1, 1, 0, 2, 0, 300, 75, 192, 0, 32),
    # a root agent without a name that only starts agents; the hand-off is a tool
    "openai_agents_oi__handoff": (1, 2, 1, 2, 0, 3, 0, 480, 120, 320, 0, 52),
    # content is off, and with it what the calls used
    "openai_agents_oi__nocontent": (1, 1, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0),
    # two spans in two traces, neither with a response id
    "openinference_anthropic__both": (0, 0, 0, 0, 0, 1, 0, 120, 30, 64, 16, 0),
    # an SDK's calls without an agent: nobody sees the tool run
    "openinference_anthropic__tool": (0, 0, 0, 0, 0, 2, 0, 300, 75, 192, 32, 0),
    # two spans in two traces, one with a response id
    "openinference_openai__both": (0, 0, 0, 0, 0, 1, 0, 120, 30, 64, 0, 12),
    # the agent span repeats its calls' usage under the same keys
    "pydantic_ai__legacy_usage": (1, 1, 0, 1, 0, 2, 0, 300, 75, 192, 0, 32),
    # the agent span never ended
    "smolagents__llm500": (0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    # a managed agent is called by a tool, and each of the two gives its final answer by one
    "smolagents__multiagent": (1, 2, 0, 3, 0, 4, 0, 660, 165, 0, 0, 0),
    # the agent span repeats usage; the final answer is a tool
    "smolagents__tool": (1, 1, 0, 2, 0, 2, 0, 300, 75, 0, 0, 0),
    # no model call was seen below the agent: its own figure counts
    "smolagents__usage_on_agent_only": (1, 1, 0, 0, 0, 0, 0, 300, 75, 0, 0, 0),
    # over a client that has spans of its own
    "strands__anthropic": (1, 1, 0, 1, 0, 2, 0, 300, 75, 192, 32, 0),
    # the agent span reports the total of the agent's life; old and new keys at once
    "strands__session": (1, 2, 0, 2, 0, 4, 0, 660, 165, 448, 0, 0),
    # two agents in one swarm; the hand-off is a tool
    "strands__swarm": (1, 2, 1, 1, 0, 3, 0, 480, 120, 320, 0, 0),
    # llm.request.type and llm.usage.*, before OpenLLMetry spoke gen_ai
    "traceloop__legacy": (1, 1, 1, 0, 1, 1, 0, 120, 30, 0, 0, 12),
    "traceloop_openai__responses_stream": (0, 0, 0, 0, 0, 1, 0, 120, 30, 64, 0, 12),
    "traceloop_openai__tool": (0, 0, 0, 0, 0, 2, 0, 300, 75, 192, 0, 32),
}
_SERVED = {
    "modelCalls": "llm_requests_ok",
    "modelErrors": "llm_requests_failed",
    "inputTokens": "input",
    "outputTokens": "output",
    "cacheReadTokens": "cached",
    "cacheWriteTokens": "cache_write",
    "reasoningTokens": "reasoning",
}
_NOT_TOLD = {
    "anthropic_native__stream_mid": {"modelCalls", "modelErrors", "outputTokens"},
    "autogen_native__toolerr": {"modelCalls", "inputTokens", "outputTokens", "cacheReadTokens", "reasoningTokens"},
    "haystack_openinference__pipe": {"cacheReadTokens", "reasoningTokens"},
    "litellm__sync": {"cacheReadTokens", "reasoningTokens"},
    "litellm_v2_oi__stream": {"reasoningTokens"},
    "openai_agents_oi__nocontent": {"inputTokens", "outputTokens", "cacheReadTokens", "reasoningTokens"},
    "smolagents__multiagent": {"cacheReadTokens", "reasoningTokens"},
    "smolagents__tool": {"cacheReadTokens", "reasoningTokens"},
    "strands__session": {"reasoningTokens"},
    "strands__swarm": {"reasoningTokens"},
}
"""What the model server served in a captured program and no span says, or says otherwise."""


def _captured() -> list[str]:
    """The files that real programs wrote; the others were written by hand for what those do not show."""
    return [name for name in TOTALS if "meta" in json.loads((DIALECTS / f"{name}.json").read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", _captured())
def test_truth(name: str) -> None:
    """Of what the model server served all is told that a span says."""
    served = json.loads((DIALECTS / f"{name}.json").read_text(encoding="utf-8"))["meta"]["truth"]
    found = dict(zip(NAMES, TOTALS[name], strict=True))
    assert {total for total, key in _SERVED.items() if found[total] != served[key]} == _NOT_TOLD.get(name, set())


@pytest.mark.parametrize("name", [path.stem for path in sorted(DIALECTS.glob("*.json"))])
def test_totals(name: str) -> None:
    """The file adds up to what its program did."""
    assert added_up(DIALECTS / f"{name}.json") == dict(zip(NAMES, TOTALS[name], strict=True))


def test_cost_is_added_up() -> None:
    """The cost that an instrumentation gives reaches ``token.usage``."""
    usage = [fact.properties for fact in facts(DIALECTS / "litellm__old.json") if fact.event == "token.usage"]
    assert [each["costUsd"] for each in usage if "costUsd" in each] == [0.00042]


def test_a_late_model_call_keeps_its_session() -> None:
    """A model call that ends after its agent carries the session that was already told about."""
    late = facts(DIALECTS / "litellm__v2_late.json")
    told = {fact.properties["sessionId"] for fact in late}
    assert (len(told), late[-1].event) == (1, "token.usage")


@pytest.mark.parametrize(
    ("given", "provider"),
    [
        ({"gen_ai.system": "AWS"}, "aws.bedrock"),
        ({"gen_ai.provider.name": "gemini"}, "gcp.gemini"),
        ({"gen_ai.provider.name": "langgraph", "llm.system": "openai"}, "openai"),
        ({"gen_ai.system": "OpenAI"}, "openai"),
        ({"gen_ai.system": "strands-agents"}, None),
        ({"llm.provider": "azure", "llm.system": "openai"}, "azure.ai.openai"),
    ],
)
def test_provider(given: dict[str, object], provider: str | None) -> None:
    """A provider is named as the semantic conventions name it; a framework is none."""
    (usage,) = Meaning().end(span(1, {"gen_ai.operation.name": "chat", **given}))
    assert cast("Usage", usage).provider == provider


@pytest.mark.parametrize(
    ("scope", "harness"),
    [
        ("agent_framework", "agent-framework"),
        ("autogen-core", "autogen"),
        ("opentelemetry.instrumentation.genai.smolagents", "smolagents"),
        ("strands.telemetry.tracer", "strands"),
        ("acme.agents", None),
    ],
)
def test_harness(scope: str, harness: str | None) -> None:
    """A session says which framework ran it, by the scope of the agent's span."""
    out = Meaning().end(span(1, AGENT)._replace(scope=scope))
    assert properties(out, "session.started").get("harnessProvider") == harness


def test_unknown_spans_say_nothing() -> None:
    """A span of a known dialect that is no call, run or workflow gives nothing, and neither does any other span."""
    kinds = [
        {"gen_ai.operation.name": name} for name in ("create_agent", "plan", "retrieval", "unknown", "agent_handoff")
    ]
    kinds += [{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)"}]
    kinds += [{"openinference.span.kind": "CHAIN"}, {"mcp.method.name": "tools/list"}, {"http.request.method": "GET"}]
    mapping = Meaning()
    assert [mapping.end(span(number, kind)) for number, kind in enumerate(kinds, 1)] == [[]] * len(kinds)


@pytest.mark.parametrize(
    "given",
    [
        {"gen_ai.operation.name": "anthropic_messages"},
        {"llm.request.type": "acompletion"},
        {"llm.request.type": "chat", "traceloop.span.kind": "task"},
        {"openinference.span.kind": "llm", "llm.prompts.0.prompt.text": "x"},
    ],
)
def test_spellings_of_a_model_call(given: dict[str, object]) -> None:
    """A model call is one under each of its names."""
    (usage,) = Meaning().end(span(1, given))
    assert cast("Usage", usage).calls == 1


def test_no_tokens_at_all_are_unknown() -> None:
    """Where both figures are 0 nothing is known: no call is without a prompt."""
    unknown = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}
    (usage,) = Meaning().end(span(1, unknown))
    assert (cast("Usage", usage).input_tokens, cast("Usage", usage).output_tokens) == (None, None)


_BARE: dict[str, object] = {"openinference.span.kind": "LLM", "llm.model_name": "m"}


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ({"input.value": "{}", "output.value": "{}"}, 0),
        ({"input.value": "{}", "llm.input_messages.0.message.role": "user"}, 1),
        ({"input.value": "__REDACTED__", "output.value": "__REDACTED__"}, 1),
        ({}, 1),
    ],
)
def test_a_preparation_is_no_model_call(given: dict[str, object], calls: int) -> None:
    """A span with an input and neither messages nor tokens prepares a call; one whose content is hidden is a call."""
    assert len(Meaning().end(span(1, {**_BARE, **given}))) == calls


def test_a_failed_preparation_is_a_failed_call() -> None:
    """What failed before it had words or tokens counts as a call that failed."""
    (usage,) = Meaning().end(span(1, {**_BARE, "input.value": "{}"}, is_error=True))
    assert cast("Usage", usage).is_error


def test_no_dialect_key_no_meaning() -> None:
    """A span that has every attribute but the keys of a dialect means nothing: the live processor may leave it out."""
    bare = {"gen_ai.tool.name": "x", "gen_ai.agent.name": "x", "gen_ai.request.model": "x", "session.id": "x"}
    assert (Meaning().end(span(1, bare)), DIALECT_KEYS & bare.keys()) == ([], set())
