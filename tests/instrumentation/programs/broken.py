"""``python -m broken MODULE ARGUMENTS``: runs a module while every call that our modules make of us raises."""

from __future__ import annotations

import runpy
import sys
from typing import NoReturn

import otel_agent_telemetry as telemetry


class BrokenError(Exception):
    """What no program may ever see."""


def fail(*_: object, **__: object) -> NoReturn:
    """Raise."""
    raise BrokenError


for module in [each for name, each in sys.modules.items() if name.startswith("otel_agent_instrumentation.")]:
    if hasattr(module, "wants_content"):
        vars(module)["wants_content"] = fail
for name in telemetry.__all__:
    if name.islower() and callable(getattr(telemetry, name)):
        setattr(telemetry, name, fail)
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
