"""What a model call may have cost, where the price list is installed (extra ``prices``)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["estimate", "is_installed"]


def estimate(
    model: str | None, provider: str | None, *, input_tokens: int, output_tokens: int, cache_read: int, cache_write: int
) -> float | None:
    """US dollars for the tokens, or None where the price list or the model is unknown."""
    price = _price_of()
    if price is None or model is None or not (input_tokens or output_tokens):
        return None
    return price(model, provider, (input_tokens, output_tokens, min(cache_read, input_tokens), cache_write))


def is_installed() -> bool:
    """Whether costs can be estimated."""
    return _price_of() is not None


@lru_cache(maxsize=1)
def _price_of() -> Callable[[str, str | None, tuple[int, int, int, int]], float | None] | None:
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
