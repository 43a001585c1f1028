"""Estimated costs: of what no span says the cost of, by a price list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.agreement.readings import name, readings, requests_of
from tests.agreement.totals import agree

if TYPE_CHECKING:
    from collections.abc import Iterable

_DATA = Path(__file__).parents[1] / "data"
_FILES = sorted([*(_DATA / "cases").glob("*.jsonl"), *(_DATA / "dialects").glob("*.json")])
_MODEL_KEYS = ("model", "modelId", "model_name")


@pytest.fixture(params=["all", "half"])
def _prices(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A price for each model that the files name, or for every other one."""
    models = sorted({model for path in _FILES for model in _models(requests_of(path))})
    priced = models[:: 1 if request.param == "all" else 2]
    written = {
        model: {"input": number, "output": 3 * number, "cache_read": 0.1} for number, model in enumerate(priced, 1)
    }
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(written), encoding="utf-8")
    monkeypatch.setenv("AGENT_TELEMETRY_PRICES", str(file))


def _models(requests: Iterable[Any]) -> Iterable[str]:
    spans = (
        span
        for request in requests
        for of_resource in request["resourceSpans"]
        for of_scope in of_resource["scopeSpans"]
        for span in of_scope["spans"]
    )
    for span in spans:
        for attribute in span.get("attributes", ()):
            if attribute["key"].endswith(_MODEL_KEYS) and "stringValue" in attribute["value"]:
                yield attribute["value"]["stringValue"]


@pytest.mark.usefixtures("_prices")
@pytest.mark.parametrize("path", _FILES, ids=name)
def test_estimates(path: Path) -> None:
    """What is guessed is the same whichever way the spans go: each call once, and no sum where one has no price."""
    found = readings(requests_of(path))
    agree(found, ["cost"])
