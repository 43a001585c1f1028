"""What a model call may have cost: by the operator's own price file, else by the price list (extra ``prices``)."""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.meaning._models import undated
from otel_agent_telemetry.meaning._price_list import PriceList, Rates, installed, shipped

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VARIABLE", "estimate", "forget", "further_models", "price_list", "read_aside", "stamp"]

VARIABLE = "AGENT_TELEMETRY_PRICES"
"""Names a JSON file: ``{"llama3.2": {"input": 0.1, "output": 0.4}}``, US dollars for a million tokens.

``cache_read`` and ``cache_write`` may be there too; else such tokens cost as much as other input.
"""

_MILLION = 1_000_000
_PARTS = frozenset({"input", "output", "cache_read", "cache_write"})


def estimate(
    model: str | None,
    provider: str | None,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read: int,
    cache_write: int,
    call_tokens: int | None = None,
) -> float | None:
    """US dollars for the tokens, or None where no price is known. Raises InputError for a price file that is none.

    Input tokens hold the cached ones. Some models cost more in long calls: of the tokens of several calls,
    ``call_tokens`` is how many input tokens one of them has.
    """
    if model is None or not (input_tokens or output_tokens):
        return None
    rates = _rates(model, provider, input_tokens if call_tokens is None else call_tokens)
    if rates is None:
        return None
    read = min(cache_read, input_tokens)
    plain = max(input_tokens - read - cache_write, 0)
    cached = read * rates.cache_read + cache_write * rates.cache_write
    return (plain * rates.input + cached + output_tokens * rates.output) / _MILLION


def _rates(model: str, provider: str | None, call_tokens: int) -> Rates | None:
    own = _own_prices(os.environ.get(VARIABLE) or "")
    rates = own.get(model) or own.get(undated(model))
    if rates is not None:
        return rates
    prices = price_list()
    tiers = None if prices is None else prices.find(model, provider)
    return None if tiers is None else next(rates for start, rates in reversed(tiers) if call_tokens > start)


def _own_prices(path: str) -> dict[str, Rates]:
    found = _read(path)
    if isinstance(found, str):
        raise InputError(found)
    return found


@lru_cache(maxsize=4)
def _read(path: str) -> dict[str, Rates] | str:
    """The prices of the file, or what is wrong with it."""
    if not path:
        return {}
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return {model: _own_rates(model, written) for model, written in json.load(file).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return (
            f"{VARIABLE}={path!r} is no price file: {error}; expected JSON such as "
            '{"llama3.2": {"input": 0.1, "output": 0.4}}, US dollars for a million tokens'
        )


def _own_rates(model: str, written: Any) -> Rates:
    rates = {name: float(rate) for name, rate in written.items()}
    if not {"input", "output"} <= rates.keys() <= _PARTS or min(rates.values()) < 0:
        msg = f"{model} has {sorted(rates)}; expected input and output, and perhaps cache_read and cache_write"
        raise ValueError(msg)
    given = rates["input"]
    return Rates(given, rates["output"], rates.get("cache_read", given), rates.get("cache_write", given))


class _Known:
    """The list that holds, and the ids of models that it has beyond those that come with this package."""

    def __init__(self) -> None:
        self.prices: PriceList | None = None
        self.models: frozenset[str] = frozenset()
        self.is_looked_for = False

    def look(self) -> None:
        """Take the list that ships, and where another one is installed, that one: at once, or when it is read aside."""
        self.is_looked_for = True
        there = _installed_version()
        self.prices = None if there is None else shipped()
        if self.prices is None or self.prices.version == there:
            return
        if _aside:
            _aside[0](self._read)
        else:
            self._read()

    def _read(self) -> None:
        try:
            self.prices, self.models = installed()
        except Exception:  # a release that looks otherwise: what ships holds on
            _logger.debug("the price list that is installed could not be read", exc_info=True)


_aside: list[Callable[[Callable[[], object]], object]] = []
_known = _Known()


def price_list() -> PriceList | None:
    """The price list; None where genai-prices is not installed."""
    if not _known.is_looked_for:
        _known.look()
    return _known.prices


def stamp() -> str:
    """Differs where prices do: what was worked out under another one may not hold."""
    prices, path = price_list(), os.environ.get(VARIABLE) or ""
    return f"{'' if prices is None else prices.version} {sorted(_own_prices(path).items())}"


def read_aside(by: Callable[[Callable[[], object]], object]) -> None:
    """Have a list that is newer than the one that ships read by ``by``, in a thread say; that takes a second."""
    _aside[:] = [by]


def further_models() -> frozenset[str]:
    """Ids of public models that a newer price list has, as far as that has been read."""
    return _known.models


def forget() -> None:
    """Look for the price list anew, with the next question, and read it then and there."""
    _aside.clear()
    _known.__init__()


def _installed_version() -> str | None:
    is_blocked = "genai_prices" in sys.modules and not sys.modules["genai_prices"]
    try:
        return None if is_blocked or find_spec("genai_prices") is None else version("genai-prices")
    except (ImportError, ValueError):  # a module of that name, without a package
        return None
