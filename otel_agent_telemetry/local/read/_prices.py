"""What a model call may have cost: by the operator's own price file, else by the price list (extra ``prices``)."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning import undated

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VARIABLE", "estimate", "is_installed", "price_list"]

VARIABLE = "AGENT_TELEMETRY_PRICES"
"""Names a JSON file: ``{"llama3.2": {"input": 0.1, "output": 0.4}}``, US dollars for a million tokens.

``cache_read`` and ``cache_write`` may be there too; else such tokens cost as much as other input.
"""
_MILLION = 1_000_000
_PARTS = frozenset({"input", "output", "cache_read", "cache_write"})


def estimate(
    model: str | None, provider: str | None, *, input_tokens: int, output_tokens: int, cache_read: int, cache_write: int
) -> float | None:
    """US dollars for the tokens, or None where no price is known. Raises InputError for a price file that is none."""
    if model is None or not (input_tokens or output_tokens):
        return None
    read, written = min(cache_read, input_tokens), cache_write
    own = _own_prices(os.environ.get(VARIABLE) or "")
    rates = own.get(model) or own.get(undated(model))
    if rates is not None:
        plain = max(input_tokens - read - written, 0)
        cached = read * rates.get("cache_read", rates["input"]) + written * rates.get("cache_write", rates["input"])
        return (plain * rates["input"] + cached + output_tokens * rates["output"]) / _MILLION
    price = price_list()
    return None if price is None else price(model, provider, (input_tokens, output_tokens, read, written))


def is_installed() -> bool:
    """Whether costs can be estimated."""
    return bool(os.environ.get(VARIABLE)) or price_list() is not None


@lru_cache(maxsize=4)
def _own_prices(path: str) -> dict[str, dict[str, float]]:
    if not path:
        return {}
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return {model: _rates(model, written) for model, written in json.load(file).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        msg = (
            f"{VARIABLE}={path!r} is no price file: {error}; expected JSON such as "
            '{"llama3.2": {"input": 0.1, "output": 0.4}}, US dollars for a million tokens'
        )
        raise InputError(msg) from error


def _rates(model: str, written: Any) -> dict[str, float]:
    rates = {name: float(rate) for name, rate in written.items()}
    if not {"input", "output"} <= rates.keys() <= _PARTS or min(rates.values()) < 0:
        msg = f"{model} has {sorted(rates)}; expected input and output, and perhaps cache_read and cache_write"
        raise ValueError(msg)
    return rates


@lru_cache(maxsize=1)
def price_list() -> Callable[[str, str | None, tuple[int, int, int, int]], float | None] | None:
    """What the installed price list says of (input, output, cache read, cache write) tokens; None without one."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None

    @lru_cache(maxsize=4096)
    def price(model: str, provider: str | None, tokens: tuple[int, int, int, int]) -> float | None:
        given, made, read, written = tokens
        usage = Usage(input_tokens=given, output_tokens=made, cache_read_tokens=read, cache_write_tokens=written)
        for provider_id in (provider, None) if provider else (None,):
            try:
                return float(calc_price(usage, model_ref=model, provider_id=provider_id).total_price)
            except (LookupError, ValueError):
                continue
        return None

    return price
