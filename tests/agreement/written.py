"""What was written down for each captured and each dialect file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.meaning import cases, test_dialects

if TYPE_CHECKING:
    from tests.agreement.totals import Totals

_CAPTURED: dict[str, dict[str, Any]] = json.loads(
    Path(cases.__file__).with_name("expectations.json").read_text(encoding="utf-8")
)
_NAMES = {
    "runs": "agentRuns",
    "workflows": "workflows",
    "tool_errors": "toolErrors",
    "failed_calls": "modelErrors",
    "input": "inputTokens",
    "output": "outputTokens",
    "cache_read": "cacheReadTokens",
    "cache_write": "cacheWriteTokens",
    "reasoning": "reasoningTokens",
}


def right(name: str) -> Totals:
    """The totals of the file of that name; 0 also stands for what nobody knows."""
    told = _told(name)
    return {
        **{total: told[written] for total, written in _NAMES.items()},
        "calls": told["modelCalls"] + told["modelErrors"],
        "tools": told["toolCalls"] + told["toolErrors"],
        "failures": told["modelErrors"] + told["toolErrors"],
    }


def _told(name: str) -> dict[str, int]:
    if name in _CAPTURED:
        return _CAPTURED[name]["totals"]
    return dict(zip(test_dialects.NAMES, test_dialects.TOTALS[name], strict=True))
