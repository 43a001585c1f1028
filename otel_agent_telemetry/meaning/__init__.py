"""What telemetry says and what counts: spans of every dialect become verdicts, which events and store read.

Each name is imported when it is asked for, as a program starts without most of them. What reads whole traces at once,
``_replay`` and ``harnesses``, is imported from there: no running program needs it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_agent_telemetry.meaning import _kinds as kinds
    from otel_agent_telemetry.meaning._calls import ModelCall, Repeat, Run, ToolCall
    from otel_agent_telemetry.meaning._kinds import DIALECT_KEYS
    from otel_agent_telemetry.meaning._meaning import Meaning
    from otel_agent_telemetry.meaning._models import undated
    from otel_agent_telemetry.meaning._places import Place
    from otel_agent_telemetry.meaning._properties import attributes_of
    from otel_agent_telemetry.meaning._records import Fact, SpanRecord, Usage
    from otel_agent_telemetry.meaning._said import READ_KEYS, Said, read
    from otel_agent_telemetry.meaning._verdicts import Told

__all__ = [
    "DIALECT_KEYS",
    "READ_KEYS",
    "Fact",
    "Meaning",
    "ModelCall",
    "Place",
    "Repeat",
    "Run",
    "Said",
    "SpanRecord",
    "Told",
    "ToolCall",
    "Usage",
    "attributes_of",
    "kinds",
    "read",
    "undated",
]

_MODULES = {
    "_calls": ("ModelCall", "Repeat", "Run", "ToolCall"),
    "_kinds": ("DIALECT_KEYS",),
    "_meaning": ("Meaning",),
    "_models": ("undated",),
    "_places": ("Place",),
    "_properties": ("attributes_of",),
    "_records": ("Fact", "SpanRecord", "Usage"),
    "_said": ("READ_KEYS", "Said", "read"),
    "_verdicts": ("Told",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    import importlib

    if name == "kinds":
        found: object = importlib.import_module("otel_agent_telemetry.meaning._kinds")
    elif name in _MODULE_OF:
        found = getattr(importlib.import_module(f"otel_agent_telemetry.meaning.{_MODULE_OF[name]}"), name)
    else:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = found  # the next who asks finds it
    return found
