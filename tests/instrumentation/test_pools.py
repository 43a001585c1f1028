"""Processes and pools: what is done there belongs to the trace and the session of who asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import Program, run_plainly, tree

if TYPE_CHECKING:
    from pathlib import Path

_IN_POOL = """
    execute_tool apply ok
    execute_tool async ok
    execute_tool called with LookupError ok
    execute_tool called with str ok
    execute_tool fail error
    execute_tool fail error
    execute_tool imap ok
    execute_tool imap_unordered ok
    execute_tool map ok
    execute_tool starmap ok"""
_IN_EXECUTOR = """
    execute_tool called with LookupError ok
    execute_tool fail error
    execute_tool map ok
    execute_tool submit ok"""
SESSIONS = {
    "process": "\n    execute_tool alone ok",
    "pool": _IN_POOL,
    "thread pool": _IN_POOL,
    "executor": _IN_EXECUTOR,
    "threads": _IN_EXECUTOR,
    "maker": "\n    execute_tool maker ok" * 2,
    "user": "\n    execute_tool user ok" * 2,
}
BY_FORCE = {"killed": "\n    execute_tool before ok", "stopped": ""}
METHODS = ("fork", "spawn", "forkserver")


def sessions(program: Program) -> dict[str, str]:
    """Task -> what is below it, in the order of the alphabet, as work in pools has no other."""
    found: dict[str, str] = {}
    for each in tree(program.spans, "session").split("session ok\n")[1:]:
        task, *below = each.rstrip("\n").split("\n")
        found[task.strip().removeprefix("task ").removesuffix(" ok")] = "".join(f"\n{line}" for line in sorted(below))
    return found


@pytest.mark.parametrize("method", METHODS)
def test_work_belongs_to_whoever_asked_for_it(tmp_path: Path, method: str) -> None:
    """In each kind of process and pool, and nothing of a child's is lost; what the program sees is as without us."""
    variables = {"OTEL_BSP_SCHEDULE_DELAY": "60000"}  # so that nothing leaves a child but at its end
    with Program(home=tmp_path, variables=variables) as program:
        assert program.run("-m", "pools", method, timeout=100) == 0
        assert sessions(program) == SESSIONS | (BY_FORCE if method == "fork" else {})
        assert tree(program.spans, "execute_tool") == "\n".join(["execute_tool nobody ok"] * 2)
        conversations = {span.attributes.get("gen_ai.conversation.id") for span in program.spans}
        assert conversations == {method, "maker", "user", None}
        assert program.counted("session", "task") == {"tool.called": 36 if method == "fork" else 35}
        assert program.printed() == run_plainly("pools", method, home=tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_our_errors_stay_with_us(tmp_path: Path, method: str) -> None:
    """Where every call of ours raises, processes and pools do what they do without us."""
    with Program(home=tmp_path) as program:
        assert program.run("-m", "broken", "pools_plain", method, timeout=60) == 0
        assert program.printed() == run_plainly("pools_plain", method, home=tmp_path)
        assert program.counted() == {}
