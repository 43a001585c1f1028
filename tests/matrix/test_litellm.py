"""What our module adds to the spans that the extra ``litellm`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.matrix.environments import made
from tests.matrix.run import PROGRAMS, run_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.matrix.model import EveryProvider

pytestmark = pytest.mark.matrix


def test_every_call_is_seen_and_every_usage_that_was_sent(model: EveryProvider, tmp_path: Path) -> None:
    """Wherever the program has the function from, and whether or not it asked for a usage; a guess is none."""
    told = run_file(made("litellm"), PROGRAMS / "with_litellm_elsewhere.py", model, tmp_path)
    without = {"inputTokens": 120, "outputTokens": 50, "cacheReadTokens": 40, "reasoningTokens": 8}
    assert told.tree.split("\n") == [
        "acompletion ok",
        "acompletion ok",
        "aresponses ok",
        "aresponses ok",
        "acompletion ok",
        "completion ok",
    ]
    assert told.totals == {"toolCalls": 0, "toolErrors": 0, **told.served} | {
        name: told.served[name] - unsent for name, unsent in without.items()
    }
