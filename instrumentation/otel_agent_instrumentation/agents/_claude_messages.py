"""What the messages of the Claude Code CLI say of endings and of usage.

Form: ``claude_agent_sdk.types`` and what the CLI writes. An answer tells its input as it begins; output and cost are
known for whole turns alone, by the result. Of a message's content only types, ids, names and flags are read.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CANCELLED", "Account", "Ending", "Message", "blocks", "ending_of", "input_of", "is_same", "stopped_tools"]

Message = dict[str, Any]

_ERRORS = {"prompt_too_long": "context_overflow", "blocking_limit": "context_overflow"}
_INTERRUPTED = "error_during_execution"  # what a CLI says that gives no reason yet, and is_error only where it is one


class Ending(NamedTuple):
    """What ``Handle.end`` takes."""

    error: BaseException | str | None = None
    outcome: str | None = None


CANCELLED = Ending(outcome="cancelled")


def ending_of(result: Message) -> Ending:
    """How a turn ended; an API's failure comes with the HTTP status, and under the subtype ``success``."""
    reason = str(result.get("terminal_reason") or result.get("subtype"))
    is_error = bool(result.get("is_error"))
    if reason.startswith("aborted") or (reason == _INTERRUPTED and not is_error):
        return CANCELLED
    if not is_error:
        return Ending()
    return Ending(str(result.get("api_error_status") or _ERRORS.get(reason, reason)))


def blocks(message: Message, kind: str) -> list[Message]:
    """The blocks of that type in a message's content."""
    content: Any = message.get("content")
    return [block for block in content if block.get("type") == kind] if isinstance(content, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - as the CLI wrote it


def stopped_tools(message: Message) -> set[str]:
    """The calls whose tools an interrupt or a refusal kept from their end."""
    metas: list[Message] = message.get("tool_result_meta") or []
    return {str(meta.get("id")) for meta in metas if meta.get("non_execution_kind")}


def input_of(answer: Message) -> Counter[str]:
    """The input of an answer, as ``Handle.record`` counts it; its output is not known yet."""
    usage: Message = answer.get("usage") or {}
    return _input(
        usage.get("input_tokens"), usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    )


def is_same(one: str, other: str) -> bool:
    """Whether two names are of one model: clouds write more around a name, gateways a shorter one."""
    return one in other or other in one


class Account:
    """What answers told of their usage, and what results know beyond that."""

    def __init__(self) -> None:
        self._told: dict[str, Counter[str]] = {}
        self._totals: dict[str, Counter[str]] = {}

    def tell(self, model: str, numbers: Counter[str]) -> None:
        """An answer said this much."""
        self._told[model] = self._told.get(model, Counter()) + numbers

    def owed(self, result: Message) -> dict[str, Counter[str]]:
        """Model -> what was used of it since the last result and no answer told."""
        used = self._used(result)
        return {model: owed for model, numbers in used.items() if (owed := self._untold(model, numbers, used))}

    def _used(self, result: Message) -> dict[str, Counter[str]]:
        since: dict[str, Message] | None = result.get("model_usage_since_last_result")
        if since is not None:
            return {model: _counts(numbers) for model, numbers in since.items()}
        total: dict[str, Message] = result.get("modelUsage") or {}  # all that an older CLI gives
        before = self._totals
        self._totals = {model: _counts(numbers) for model, numbers in total.items()}
        return {model: numbers - before.get(model, Counter()) for model, numbers in self._totals.items()}

    def _untold(self, model: str, numbers: Counter[str], models: Iterable[str]) -> Counter[str]:
        owed = numbers
        for each in self._named(model, models):
            told = self._told[each]
            self._told[each] = told - owed  # a subagent's answer may come before this result and count in the next
            owed = owed - told
        return owed

    def _named(self, model: str, models: Iterable[str]) -> list[str]:
        """What the answers call that model: a name like its own, else those that are like no other's."""
        same = [each for each in self._told if is_same(each, model)]
        return same or [each for each in self._told if not any(is_same(each, other) for other in models)]


def _counts(numbers: Message) -> Counter[str]:
    total = _input(
        numbers.get("inputTokens"), numbers.get("cacheReadInputTokens"), numbers.get("cacheCreationInputTokens")
    )
    total["output"] = numbers.get("outputTokens") or 0
    total["reasoning"] = numbers.get("thinkingTokens") or 0
    total["cost_usd"] = numbers.get("costUSD") or 0
    return total


def _input(fresh: int | None, read: int | None, written: int | None) -> Counter[str]:
    read, written = read or 0, written or 0
    return Counter(input=(fresh or 0) + read + written, cache_read=read, cache_write=written)
