"""What of coding agents passes agent.yaml and gateway.yaml: whose telemetry it is, which records, which attributes.

The tables are those by which the code reads them; what is content there passes nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import _attributes

from otel_agent_telemetry.meaning.harnesses import FIGURES, IDS, OPEN_KEYS, OPEN_RESOURCE, SPAN_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["IDENTIFIERS", "allowed", "drops", "is_agent", "is_other", "names", "sources"]

_SCOPES = "^(com[.]anthropic[.]claude_code|codex_|(gemini-cli|qwen-code|github[.]copilot|opencode|cagent|goose)$)"
_SERVICES = "^((claude-code|gemini-cli|qwen-code|github-copilot|opencode|cagent|goose)$|codex_)"
_EVENTS = (
    "user_prompt",
    "api_request",
    "api_response",
    "api_error",
    "tool_result",
    "tool_call",
    "tool_decision",
    "sse_event",
    "subagent_completed",
    "subagent_execution",
    "agent[.]finish",
    "chat[.]content_retry_failure",
)
_METRICS = (
    "claude_code.token.usage",
    "claude_code.cost.usage",
    "codex.turn.token_usage",
    "gemini_cli.token.usage",
    "qwen-code.token.usage",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens",
)
_IS_AGENT = (
    f'(IsMatch(scope.name, "{_SCOPES}") or (IsString(resource.attributes["service.name"])'
    f' and IsMatch(resource.attributes["service.name"], "{_SERVICES}")))'
)
IDENTIFIERS = (*_attributes.IDENTIFIERS, *IDS, "agent_name", "agent_type", "subagent_name")
"""What passes as a keyed hash."""


def allowed() -> list[str]:
    """The attributes that pass."""
    return sorted({*_attributes.allowed(), *OPEN_KEYS, *FIGURES, *OPEN_RESOURCE} - {"agent"})


def is_agent() -> Iterator[str]:
    """The condition that a record is a coding agent's."""
    yield _IS_AGENT


def is_other() -> Iterator[str]:
    """The condition that it is not."""
    yield f"not {_IS_AGENT}"


def drops(signal: str) -> Iterator[str]:
    """The conditions by which records of a signal are left out: other programs', and what tells nothing of a run."""
    yield f"not {_IS_AGENT}"
    if signal == "metrics":
        yield f'not IsMatch(metric.name, "^({"|".join(name.replace(".", "[.]") for name in _METRICS)})$")'
    else:
        known = f"^(codex[.]|gemini_cli[.]|qwen-code[.])?({'|'.join(_EVENTS)})$"
        yield f'not IsString(log.attributes["event.name"]) or not IsMatch(log.attributes["event.name"], "{known}")'
        untold = " and ".join(f'log.attributes["{key}"] == nil' for key in ("input_token_count", "error.message"))
        yield f'log.attributes["event.name"] == "codex.sse_event" and {untold}'


def names() -> Iterator[str]:
    """Statements by which a span keeps a name that its program gives each time, and has that of its operation else."""
    operation = 'span.attributes["gen_ai.operation.name"]'
    yield f'set(span.name, {operation}) where IsMatch({operation}, "^[a-z_]{{1,32}}$") and not {_has_name()}'
    named = 'IsMatch(span.name, "^(chat|execute_tool|invoke_agent)$")'
    yield f'set(span.name, "span") where not {_has_name()} and not {named}'


def _has_name() -> str:
    return f'IsMatch(span.name, "^({SPAN_NAMES})$")'


def sources() -> Iterator[str]:
    """The condition that a span tells the tokens of a call: not of programs whose log records do."""
    telling = "^(com[.]anthropic[.]claude_code|codex_|(gemini-cli|qwen-code)$)"
    usage = (f'span.attributes["gen_ai.usage.{name}_tokens"] != nil' for name in ("input", "output"))
    yield " and ".join(
        [
            'IsMatch(span.attributes["gen_ai.operation.name"], "^(chat|text_completion|generate_content)$")',
            *usage,
            f'not IsMatch(scope.name, "{telling}")',
        ]
    )
