"""What an agent does beside model calls, tools and runs: shown by its name, and counted nowhere.

Names are those of semantic-conventions-genai 0.1.0, where it has none of OpenInference's kinds, and of MCP's methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ASIDES", "aside_of"]

MEMORY = "memory"
RETRIEVAL = "retrieval"
RERANK = "rerank"
PLAN = "plan"
GUARDRAIL = "guardrail"
EVALUATION = "evaluation"
CHAIN = "chain"
PROMPT = "prompt"
RESOURCE = "resource"

ASIDES = (MEMORY, RETRIEVAL, RERANK, PLAN, GUARDRAIL, EVALUATION, CHAIN, PROMPT, RESOURCE)
"""All of them; :data:`_kinds.OTHER` is what they are to everything that counts."""

_MEMORY = (
    *("create_memory", "update_memory", "upsert_memory", "delete_memory", "search_memory"),
    *("create_memory_store", "delete_memory_store"),
)
_RETRIEVALS = ("retrieval", "retrieve", "vector_store_search", "avector_store_search")
_RESOURCES = (
    *("resources/read", "resources/list", "resources/templates/list"),
    *("resources/subscribe", "resources/unsubscribe"),
)
_TABLE: dict[str, dict[str, str]] = {
    semconv.GEN_AI_OPERATION_NAME: {
        **dict.fromkeys(_MEMORY, MEMORY),
        **dict.fromkeys(_RETRIEVALS, RETRIEVAL),
        **dict.fromkeys(("rerank", "arerank"), RERANK),
        "plan": PLAN,
        "apply_guardrail": GUARDRAIL,
    },
    "openinference.span.kind": {
        "retriever": RETRIEVAL,
        "reranker": RERANK,
        "guardrail": GUARDRAIL,
        "evaluator": EVALUATION,
        "chain": CHAIN,
        "prompt": PROMPT,
    },
    "llm.request.type": {"rerank": RERANK},
    "traceloop.span.kind": {"task": CHAIN},
    "mcp.method.name": {
        **dict.fromkeys(("prompts/get", "prompts/list"), PROMPT),
        **dict.fromkeys(_RESOURCES, RESOURCE),
    },
    "ai.operationId": {"ai.rerank": RERANK, "ai.rerank.dorerank": RERANK},
    "lmnr.span.type": {"evaluation": EVALUATION, "evaluator": EVALUATION, "human_evaluator": EVALUATION},
}
"""Attribute -> its value in lower case -> what it stands for; the first attribute that is there and known decides."""


def aside_of(attributes: Mapping[str, object]) -> str | None:
    """Which of :data:`ASIDES` a span is that stands for nothing that counts; None for none of them."""
    for name, values in _TABLE.items():
        written = attributes.get(name)
        found = values.get(written.lower()) if isinstance(written, str) else None
        if found is not None:
            return found
    return None
