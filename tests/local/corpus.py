"""Telemetry as real frameworks emit it: the part that is in the repository, and all of it where that is at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

PART = Path(__file__).parents[1] / "data" / "corpus"
WHOLE = os.environ.get("AGENT_TELEMETRY_CORPUS")
SIGNALS = {"traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"}


def files(folder: Path) -> list[Path]:
    """The captures of a folder, by name."""
    return sorted(path for path in folder.glob("*.json") if path.name != "canaries.json")


def whole() -> Path:
    """The folder of the whole corpus; ends the test where there is none."""
    return Path(WHOLE) if WHOLE else absent("corpus", "AGENT_TELEMETRY_CORPUS=folder with the captured traces")


def lines(path: Path) -> list[str]:
    """A capture as OTLP JSON lines."""
    captured: dict[str, Any] = json.loads(path.read_text())
    return [json.dumps(captured[signal]) for signal in SIGNALS if captured.get(signal)]


def truth(path: Path) -> dict[str, int]:
    """What the model server really served in that run."""
    return json.loads(path.read_text())["meta"]["truth"]


def flat(exported: list[str]) -> list[str]:
    """Every span, log record and metric with its resource and scope, in an order that does not depend on the file."""
    return sorted(json.dumps(item, sort_keys=True) for line in exported for item in _items(json.loads(line)))


def _items(document: dict[str, Any]) -> Iterator[Any]:
    for outer, scopes, inner in (
        ("resourceSpans", "scopeSpans", "spans"),
        ("resourceMetrics", "scopeMetrics", "metrics"),
        ("resourceLogs", "scopeLogs", "logRecords"),
    ):
        for of_resource in document.get(outer, ()):
            for of_scope in of_resource.get(scopes, ()):
                where = (
                    of_resource.get("resource"),
                    of_resource.get("schemaUrl"),
                    of_scope.get("scope"),
                    of_scope.get("schemaUrl"),
                )
                yield from ((outer, where, _canonical(item)) for item in of_scope.get(inner, ()))


def _canonical(value: Any) -> Any:
    """Without fields at their default, which OTLP/JSON may leave out or write; numbers in one spelling."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        found = {key: _canonical(item) for key, item in fields.items()}
        return {
            key: item for key, item in found.items() if item not in ("", [], 0, {}) or key.lower().endswith("value")
        }
    if isinstance(value, list):
        return [_canonical(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) > 9 else value
