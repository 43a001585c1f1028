"""What the last run of the matrix was: ``ran.json``, from which the README's table is made.

For each name that the matrix drives it has the ``versions`` that ran (distribution -> version), and what ``passed``
(check -> scenarios). ``pytest --record tests/matrix``, as ``make test-frameworks`` calls it, writes what it drove anew
and leaves the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from tests.matrix.rows import ROWS

if TYPE_CHECKING:
    import pytest

RECORD = Path(__file__).parent / "ran.json"
TOGETHER = "all in one process"
"""The scenario of a program that does all of them."""

Step = tuple[str, str, str]
"""What was driven, the check, the scenario."""


class Ran(TypedDict):
    """One that was driven."""

    versions: dict[str, str]
    passed: dict[str, list[str]]


def read() -> dict[str, Ran]:
    """The record, by name."""
    return json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}


def versions(name: str) -> dict[str, str]:
    """The versions that are pinned for it."""
    return {row.distribution: row.version for row in ROWS if row.name == name}


def step_of(item: pytest.Item) -> Step | None:
    """What a test looks at; None of one that drives nothing by its name."""
    given: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    if item.path.name == "test_mem0.py":
        name = "mem0"
    elif item.path.name in {"test_matrix.py", "test_together.py", "test_providers.py"}:
        name = cast("str", given.get("framework") or given["name"])
    else:
        return None
    check = cast("str", getattr(item, "originalname", item.name)).removeprefix("test_").replace("_", " ")
    return name, check, given.get("scenario", TOGETHER)


def write(outcomes: dict[Step, set[str]]) -> None:
    """Put what was driven in the place of what the record had of it; what could not be driven here stays."""
    record = read()
    left = {step[0] for step, how in outcomes.items() if "skipped" in how}
    for name in {step[0] for step in outcomes} - left:
        record[name] = {"versions": versions(name), "passed": {}}
    for (name, check, scenario), how in sorted(outcomes.items()):
        if how == {"passed"} and name not in left:
            record[name]["passed"].setdefault(check, []).append(scenario)
    put(RECORD, _text(record))


def put(file: Path, text: str) -> None:
    """Write a file that is not as it should be; one that is stays as old as it was, for make."""
    if not file.exists() or file.read_text("utf-8") != text:
        file.write_text(text, "utf-8")


def _text(record: dict[str, Ran]) -> str:
    """JSON with one line for each check."""
    each = (
        f'  {json.dumps(name)}: {{\n    "versions": {json.dumps(ran["versions"])},\n    "passed": {{\n'
        + ",\n".join(f"      {json.dumps(check)}: {json.dumps(told)}" for check, told in ran["passed"].items())
        + "\n    }\n  }"
        for name, ran in sorted(record.items())
    )
    return "{\n" + ",\n".join(each) + "\n}\n"
