"""mem0, which asks a model what is worth remembering and has it made into vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.matrix.environments import made
from tests.matrix.model import serving
from tests.matrix.providers import Providers
from tests.matrix.run import PROGRAMS, SECRET, run_file, tree
from tests.meaning.test_privacy import disguised

if TYPE_CHECKING:
    from pathlib import Path

    from tests.matrix.run import Run

pytestmark = pytest.mark.matrix

VECTORS = "embeddings text-embedding-3-small ok"
OK = [VECTORS, "chat gpt-5-mini ok", VECTORS]
FAILED = [VECTORS, "chat gpt-5-mini error"]


def seen(run: Run, scenario: str) -> list[str]:
    """The calls below the span of a scenario; of two at once, which comes first is chance."""
    trace_id = next(each.trace_id for each in run.spans if each.name == scenario)
    lines = tree(each for each in run.spans if each.trace_id == trace_id).split("\n")
    return sorted(lines) if scenario == "at once" else lines


def test_each_call_is_seen_once(tmp_path: Path) -> None:
    """Adding asks for a vector and the model, searching for a vector; totals are as served, and nothing private leaves.

    A call that is interrupted is not answered. Tokens of embeddings are told by model as those of calls are.
    """
    with serving(Providers(slow_seconds=20)) as model:
        run = run_file(made("agents-openai-2"), PROGRAMS / "with_mem0.py", model, tmp_path)
    assert run.printed.split() == ["done", "done", "LLMError", "LLMError", "done", "done", "KeyboardInterrupt"]
    assert {scenario: seen(run, scenario) for scenario in ("ok", "tool error", "stream")} == dict.fromkeys(
        ("ok", "tool error", "stream"), OK
    )
    assert [seen(run, scenario) for scenario in ("rate limit", "server error", "cancel")] == [FAILED] * 3
    assert seen(run, "at once") == sorted(OK * 2)
    chats = run.handed_out.models["gpt-5-mini"]
    told = {**run.served, "modelCalls": chats, "modelErrors": run.served["modelErrors"] + 1}
    assert run.totals == {"toolCalls": 0, "toolErrors": 0, **told}
    assert [form for form in disguised(SECRET) if form in str(run.events).lower()] == []
