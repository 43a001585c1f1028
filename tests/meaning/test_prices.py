"""The price list: what it says, and who reads it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.meaning import Meaning, _prices
from otel_agent_telemetry.meaning._prices import estimate, further_models, price_list, read_aside
from tests.meaning.spans import AGENT, CHAT, USED, own, properties, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

genai_prices = pytest.importorskip(
    "genai_prices", reason="genai-prices is missing; get it with: pip install otel-agent-telemetry[prices]"
)
_MODELS = [
    ("claude-sonnet-4-5-20250929", "anthropic"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
    ("gpt-4o-2024-08-06", "openai"),
    ("gpt-5.2-20251211", None),
    ("gpt-4o", "azure.ai.openai"),
    ("gemini-2.5-pro", "gcp.gemini"),
    ("mistral-large-latest", "mistral_ai"),
    ("grok-3", "x_ai"),
    ("text-embedding-3-small", "openai"),
    ("nobody-knows-it", "openai"),
]


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    _prices.forget()
    yield
    _prices.forget()


@pytest.mark.parametrize("tokens", [1_000, 250_000])
@pytest.mark.parametrize(("model", "provider"), _MODELS)
def test_it_says_what_genai_prices_says(model: str, provider: str | None, tokens: int) -> None:
    """The list in our form gives the prices of the package that it comes from, for short calls and for long ones."""
    ours = estimate(model, provider, input_tokens=tokens, output_tokens=100, cache_read=400, cache_write=0)
    usage = genai_prices.Usage(input_tokens=tokens, output_tokens=100, cache_read_tokens=400)
    theirs = None
    for asked in (provider, None):
        try:
            theirs = float(genai_prices.calc_price(usage, model_ref=model, provider_id=asked).total_price)
            break
        except LookupError:
            continue
    assert ours == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("model", "provider", "plain", "seller"),
    [
        ("anthropic/claude-sonnet-4-5-20250929", None, "claude-sonnet-4-5", "anthropic"),
        ("anthropic/claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5", "anthropic"),
        ("anthropic/claude-sonnet-4-5", "litellm", "claude-sonnet-4-5", "anthropic"),
        ("openrouter/openai/gpt-4o", None, "openai/gpt-4o", "openrouter"),
        ("models/gemini-2.5-pro", "gcp.gemini", "gemini-2.5-pro", "google"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws"),
    ],
)
def test_a_model_with_its_vendor_has_a_price(model: str, provider: str | None, plain: str, seller: str) -> None:
    """A name with who makes or sells the model before it costs what the name alone costs there."""
    usage = genai_prices.Usage(input_tokens=1000, output_tokens=100)
    price = float(genai_prices.calc_price(usage, model_ref=plain, provider_id=seller).total_price)
    assert estimate(model, provider, input_tokens=1000, output_tokens=100, cache_read=0, cache_write=0) == (
        pytest.approx(price)
    )


@pytest.mark.parametrize("model", ["acme/gpt-4o", "ollama/llama3.2:3b", "/gpt-4o", "gpt-4o/", "acme.model-v1"])
def test_a_vendor_that_nobody_knows_has_no_price(model: str) -> None:
    """What somebody hosts under a name of their own is not what its name's last part costs elsewhere."""
    assert estimate(model, None, input_tokens=1000, output_tokens=100, cache_read=0, cache_write=0) is None


def test_a_newer_list_is_read_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a list that is not the one that ships, the latter holds until somebody else has read it."""
    asked: list[Callable[[], object]] = []

    def later(_: str) -> str:
        return "9999.1"

    monkeypatch.setattr(_prices, "version", later)
    read_aside(asked.append)
    shipped = price_list()
    assert (shipped is not None, further_models(), len(asked)) == (True, frozenset(), 1)
    reader = threading.Thread(target=asked[0])
    reader.start()
    reader.join()
    assert (price_list() is not shipped, "gpt-4o" in further_models()) == (True, True)


def test_a_list_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a release whose list looks otherwise, or of none, nothing is raised."""
    monkeypatch.setattr(_prices, "version", "".join)
    monkeypatch.delattr("genai_prices.data.providers")
    shipped = price_list()
    assert (shipped is not None, further_models()) == (True, frozenset())


def test_a_session_without_a_sum() -> None:
    """A session's cost is an estimate where one call's is; one call that nobody can price leaves it without a sum."""
    found: list[dict[str, object]] = []
    for model in ("gpt-4o", "nobody-knows-it"):
        mapping = Meaning()
        session = own(1, "session", gen_ai__conversation__id="s")
        mapping.start(session)
        mapping.end(span(2, {**CHAT, "gen_ai.usage.cost": 0.5}, parent=1))
        mapping.end(span(3, {**USED, "gen_ai.request.model": model, "gen_ai.provider.name": "openai"}, parent=1))
        cost = properties(mapping.end(session), "session.cost")
        found.append({name: value for name, value in cost.items() if "ost" in name})
    assert found == [{"totalCostUsd": pytest.approx(0.5006), "costIsEstimate": True}, {}]


def test_a_cost_that_is_told_later() -> None:
    """What the span around says a call cost takes the place of what was guessed."""
    mapping = Meaning()
    session = own(1, "session", gen_ai__conversation__id="s")
    mapping.start(session)
    used = {**USED, "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}
    mapping.link(*(record.key for record in (span(3, AGENT, parent=1), session)))
    mapping.end(span(4, used, parent=3))
    mapping.end(span(3, {**AGENT, "gen_ai.usage.cost": 0.25}, parent=1, end=9))
    cost = properties(mapping.end(session), "session.cost")
    assert (cost["totalCostUsd"], "costIsEstimate" in cost) == (0.25, False)
