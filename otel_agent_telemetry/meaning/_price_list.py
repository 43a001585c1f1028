"""The price list of genai-prices (MIT), as far as text tokens go, in a form that is read in milliseconds.

Importing genai_prices takes a second of work. ``prices.json`` is what :func:`document_of` makes of it, written by
``make models``; models and providers are found in it by the rules that genai-prices has for that.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_agent_telemetry._imports import importing

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PriceList", "Rates", "document_of", "installed", "shipped", "write"]

_UNITS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
_COMPACT_DATE = re.compile(r"(20\d\d)([01]\d)([0-3]\d)$")
_OF_BEDROCK = re.compile(r"((us|eu|apac|au|jp|ca|us-gov|global)\.)?[a-z0-9]+\.[a-z].*-v\d+(:\d+)?$")
"""The ids of Bedrock alone name vendor and revision so: ``us.anthropic.claude-sonnet-4-5-20250929-v1:0``."""
_SIGNS = (("equals", "="), ("starts_with", "^"), ("ends_with", "$"), ("contains", "*"), ("regex", "~"))


class Rates(NamedTuple):
    """US dollars for a million tokens; a cached token costs as much as another where nothing is said of it."""

    input: float
    output: float
    cache_read: float
    cache_write: float


class PriceList:
    """A list of prices: ``version`` is that of the genai-prices that it comes from."""

    def __init__(self, document: Any) -> None:
        self.version: str = document["version"]
        self._providers: list[Any] = document["providers"]
        self.find = lru_cache(maxsize=4096)(self._find)
        """The rates of a model at a provider by how many input tokens a call has, the last that is exceeded counts."""

    @property
    def steps(self) -> list[int]:
        """The numbers of input tokens beyond which any model costs something else."""
        tiers = (tier for provider in self._providers for _, prices in provider["models"] for tier in prices[1:])
        return sorted({start for start, _ in tiers})

    def _find(self, model: str, provider: str | None) -> list[tuple[int, Rates]] | None:
        name = model.lower()
        found = self._first((self._named(provider), self._of_model(name)), name)
        vendor, slash, rest = name.partition("/")
        while found is None and slash:  # as LiteLLM and OpenRouter write it: anthropic/claude-sonnet-4-5
            found = self._first((self._named(provider), self._named(vendor)), rest)
            vendor, slash, rest = rest.partition("/")
        if found is None and _OF_BEDROCK.match(name):
            found = self._first((self._named("aws.bedrock"),), name)
        return None if found is None else [(start, _rates(rates)) for start, rates in found] or None

    def _first(self, providers: Iterable[Any], name: str) -> Any:
        """The prices that the first of these providers has for the model."""
        found = (self._prices(provider, name) for provider in providers if provider is not None)
        return next((prices for prices in found if prices is not None), None)

    def _named(self, provider: str | None) -> Any:
        if provider is None:
            return None
        name = provider.lower().strip()
        by_id = (each for each in self._providers if each["id"] == name)
        by_rule = (each for each in self._providers if each["named"] and _matches(each["named"], name))
        return next(by_id, None) or next(by_rule, None)

    def _of_model(self, model: str) -> Any:
        return next((each for each in self._providers if each["makes"] and _matches(each["makes"], model)), None)

    def _prices(self, provider: Any, model: str) -> Any:
        others = [each for name in provider["else"] for each in self._providers if each["id"] == name]
        dashed = _COMPACT_DATE.sub(r"\1-\2-\3", model)
        for name in dict.fromkeys((model, dashed)):
            for each in (provider, *others):
                for rule, prices in each["models"]:
                    if _matches(rule, name):
                        return prices
        return None


def _rates(given: list[float | None]) -> Rates:
    plain = given[0] or 0.0
    made, read, written = given[1] or 0.0, given[2], given[3]
    return Rates(plain, made, plain if read is None else read, plain if written is None else written)


def _matches(rule: list[Any], text: str) -> bool:
    sign, given = rule
    if sign == "|":
        return any(_matches(each, text) for each in given)
    if sign == "&":
        return all(_matches(each, text) for each in given)
    if sign == "~":
        return re.search(given, text) is not None
    if sign == "=":
        return text == given
    if sign == "^":
        return text.startswith(given)
    return text.endswith(given) if sign == "$" else given in text


def shipped() -> PriceList:
    """The list that comes with this package."""
    file = resources.files("otel_agent_telemetry.meaning").joinpath("prices.json")
    return PriceList(json.loads(file.read_text(encoding="utf-8")))


def installed() -> tuple[PriceList, frozenset[str]]:
    """The list of the genai-prices that is installed, and the ids of its models; slow."""
    with importing:
        import genai_prices
        from genai_prices import data

    ids = (model.id for provider in data.providers for model in provider.models)
    return PriceList(document_of(genai_prices)), frozenset(ids)


def document_of(genai_prices: Any) -> dict[str, Any]:
    """The list of that package as JSON: the prices of today, noon, where they depend on the time."""
    from genai_prices import data

    noon = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
    providers = [
        {
            "id": provider.id,
            "named": _rule(provider.provider_match),
            "makes": _rule(provider.model_match),
            "else": provider.fallback_model_providers or [],
            "models": [[_rule(model.match), _tiers(model.get_prices(noon))] for model in provider.models],
        }
        for provider in data.providers
    ]
    return {"version": genai_prices.__version__, "providers": providers}


def _rule(clause: Any) -> list[Any] | None:
    if clause is None:
        return None
    for name, sign in (("or_", "|"), ("and_", "&")):
        if hasattr(clause, name):
            return [sign, [_rule(each) for each in getattr(clause, name)]]
    name, sign = next((name, sign) for name, sign in _SIGNS if hasattr(clause, name))
    text = getattr(clause, name)
    return [sign, text if sign == "~" else text.lower()]


def _tiers(prices: Any) -> list[list[Any]]:
    """``[input tokens that must be exceeded, rates]`` for each tier; none where something else has a price."""
    given = [getattr(prices, unit, None) for unit in _UNITS]
    if given[0] is None or getattr(prices, "requests_kcount", None) is not None:
        every: list[Any] = [*prices.__dict__.values()]
        return [] if any(price is not None for price in every) else [[-1, [0, 0, 0, 0]]]
    starts = sorted({tier.start for price in given for tier in getattr(price, "tiers", ())})
    return [[start, [_at(price, start) for price in given]] for start in (-1, *starts)]


def _at(price: Any, start: int) -> float | None:
    if price is None:
        return None
    if not hasattr(price, "tiers"):
        return float(price)
    return float(next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base))


def write() -> None:
    """Write what ships, from the genai-prices that is installed: prices, and the ids of models."""
    import genai_prices

    _, ids = installed()
    package = resources.files("otel_agent_telemetry")
    document = json.dumps(document_of(genai_prices), separators=(",", ":"))
    names = "".join(f"{name}\n" for name in sorted(ids) if len(name) <= 64)  # noqa: PLR2004 - as PublicName's schema says
    head = f"# Model ids of genai-prices {genai_prices.__version__}, one a line; `make models` writes this file anew.\n"
    with open(str(package / "meaning" / "prices.json"), "w", encoding="utf-8") as file:
        file.write(document + "\n")
    with open(str(package / "pipeline" / "writing" / "models.txt"), "w", encoding="utf-8") as file:
        file.write(head + names)
