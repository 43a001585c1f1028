"""Wire conformance with two real clients: every captured case, replayed through our API."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.goldens.compare import compare
from tests.goldens.reasons import REASONS
from tests.goldens.replay import replay
from tests.parts import absent

_FOLDER = Path(os.environ.get("AGENT_TELEMETRY_GOLDENS") or Path(__file__).parents[3] / "shared" / "goldens")
_CASES = sorted(_FOLDER.glob("*/*.json"))
_tally: Counter[str] = Counter()


@pytest.mark.parametrize("path", _CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_captured_case_differs_only_for_a_stated_reason(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same calls give the same envelope, keys, types, order and values, or a difference from the closed list."""
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    report = compare(case, replay(case, tmp_path, monkeypatch))
    _tally["cases"] += 1
    _tally["equal"] += report.equal
    _tally.update({f"reason:{reason}": 1 for reason in report.reasons})
    assert report.failures == []


def test_all_captured_cases_were_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    """The replay says how many cases were equal and how many differ by which reason."""
    if not _CASES:
        absent("goldens", "make test-goldens GOLDENS=folder")
    lines = [f"{_tally['equal']} of {len(_CASES)} captured cases are equal but for headers and hashed identifiers;"]
    lines += [f"{_tally['reason:' + reason]:5} differ by {reason}: {words}" for reason, words in REASONS.items()]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert _tally["cases"] == len(_CASES)
