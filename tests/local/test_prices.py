"""Prices of the operator's own."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.errors import InputError
from otel_agent_telemetry.local import Store, usage
from tests.local.made import Made, chat, request

if TYPE_CHECKING:
    from pathlib import Path


def _spent(folder: Path, *attributes: dict[str, object]) -> list[tuple[object, ...]]:
    with closing(Store(folder / "t.sqlite")) as store:
        store.add_spans(request(*(Made(id=number, attributes=each) for number, each in enumerate(attributes, 1))))
        store.settle()
        with closing(store.reader()) as connection:
            rows = usage(connection, "model")
    return [(row["key"], row["cost_usd"], row["cost_is_estimate"], row["unpriced_calls"]) for row in rows]


def _priced(folder: Path, monkeypatch: pytest.MonkeyPatch, written: object) -> None:
    file = folder / "prices.json"
    file.write_text(json.dumps(written), encoding="utf-8")
    monkeypatch.setenv("AGENT_TELEMETRY_PRICES", str(file))


def test_a_local_model_has_the_operators_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dollars for a million tokens, by the model's name; the sum is marked as an estimate."""
    _priced(tmp_path, monkeypatch, {"llama-of-ours": {"input": 2, "output": 10}})
    call = {**chat(given=1000, made=100), "gen_ai.request.model": "llama-of-ours"}
    assert _spent(tmp_path, {**call, "gen_ai.response.model": "llama-of-ours"}) == [
        ("llama-of-ours", pytest.approx(0.003), True, 0)
    ]


def test_a_sum_says_how_many_calls_have_no_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose cost is told and one that nobody can price: the sum is of the first, and one is unpriced."""
    monkeypatch.delenv("AGENT_TELEMETRY_PRICES", raising=False)
    call = {**chat(), "gen_ai.request.model": "nobody-knows", "gen_ai.response.model": "nobody-knows"}
    assert _spent(tmp_path, {**call, "gen_ai.usage.cost": 0.5}, call) == [("nobody-knows", 0.5, False, 1)]


@pytest.mark.parametrize("written", [[], {"m": 3}, {"m": {"input": 1}}, {"m": {"input": "dear", "output": 1}}])
def test_a_price_file_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: object) -> None:
    """The error names the variable and shows what was expected."""
    _priced(tmp_path, monkeypatch, written)
    with pytest.raises(InputError, match=r"AGENT_TELEMETRY_PRICES=.* is no price file: .*expected JSON such as"):
        _spent(tmp_path, chat())
