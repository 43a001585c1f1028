"""What holds for every module, for those whose framework is in an environment of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import PROGRAMS as INSTRUMENTATION_PROGRAMS
from tests.instrumentation.program import Program, run_plainly
from tests.instrumentation.test_modules import methods
from tests.matrix.environments import made
from tests.matrix.run import PROGRAMS, variables_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.matrix.model import EveryProvider

pytestmark = pytest.mark.matrix

# Module -> its environment, and expressions for what it changes there.
CHANGED = {
    "haystack": ("haystack", methods("haystack.tracing.tracer:ProxyTracer", "trace")),
    "pydantic_ai": (
        "pydantic-ai",
        ["pydantic_ai:Agent._instrument_default", "pydantic_ai:Embedder._instrument_default"],
    ),
}


@pytest.mark.parametrize("module", CHANGED)
def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path, module: str) -> None:
    """Instrumented, each is another object; uninstrumented, the very same; and so a second time."""
    environment, expressions = CHANGED[module]
    python = str(made(environment).python)
    assert json.loads(run_plainly("hooked", module, *expressions, home=tmp_path, python=python)) == [True] * 4


@pytest.mark.parametrize("module", CHANGED)
@pytest.mark.parametrize("scenario", ["ok", "tool error", "stream"])
def test_our_errors_stay_with_us(tmp_path: Path, model: EveryProvider, module: str, scenario: str) -> None:
    """Where every call of ours raises, the program prints what it prints without us."""
    environment = made(CHANGED[module][0])
    variables = {
        **variables_for(environment, model),
        "PYTHONPATH": f"{INSTRUMENTATION_PROGRAMS}:{PROGRAMS}",
    }
    program = f"with_{module}"
    with Program(home=tmp_path, python=str(environment.python), variables=variables) as run:
        assert run.run("-m", "broken", program, scenario) == 0
        plain = run_plainly(program, scenario, home=tmp_path, python=str(environment.python), variables=variables)
        assert run.printed() == plain
