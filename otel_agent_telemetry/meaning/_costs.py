"""What model calls may have cost where no span says it: estimates, and how many calls have no price."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning import _prices
from otel_agent_telemetry.meaning._records import NOTHING, Guess

__all__ = ["NOTHING", "Guess", "guess", "guess_of_rest", "spent"]


class Used(Protocol):
    """What is known of a model call, or of an embedding, that costs something."""

    calls: int
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cost_usd: float | None
    error: str | None
    guess: Guess
    is_priced_elsewhere: bool

    @property
    def has_usage(self) -> bool:
        """Whether it says anything about tokens."""
        ...


def guess(call: Used) -> Guess:
    """What a call may have cost; nothing where its cost is known, or told by another span of it."""
    if call.cost_usd is not None or call.is_priced_elsewhere:
        return NOTHING
    if not call.has_usage:  # a call that failed has used nothing
        return Guess(unpriced=1) if call.calls and call.error is None else NOTHING
    usd = _estimate(call, call.cache_read_tokens, call.cache_write_tokens)
    return Guess(unpriced=1) if usd is None else Guess(usd, 1)


def guess_of_rest(rest: Used, known: Used) -> Guess:
    """The same for figures that another span of a known call adds: cached tokens make that one cheaper."""
    if rest.has_usage or not known.guess.calls:
        return guess(rest)
    read = rest.cache_read_tokens if known.cache_read_tokens is None else known.cache_read_tokens
    written = rest.cache_write_tokens if known.cache_write_tokens is None else known.cache_write_tokens
    usd = _estimate(known, read, written)
    return NOTHING if usd is None else Guess(usd - known.guess.usd)


def spent(reported: float | None, guessed: Guess) -> tuple[float | None, bool]:
    """What is spent in all, and whether some of it is an estimate; None where nothing is known, or not of all calls."""
    if guessed.unpriced > 0 or (reported is None and guessed.calls <= 0):
        return None, False
    return (reported or 0.0) + (guessed.usd if guessed.calls > 0 else 0.0), guessed.calls > 0


def _estimate(call: Used, cache_read: int | None, cache_write: int | None) -> float | None:
    try:
        return _prices.estimate(
            call.model,
            call.provider,
            input_tokens=call.input_tokens or 0,
            output_tokens=call.output_tokens or 0,
            cache_read=cache_read or 0,
            cache_write=cache_write or 0,
        )
    except InputError as error:
        _warn(str(error))
        return None


@lru_cache(maxsize=4)
def _warn(text: str) -> None:
    _logger.warning(text)
