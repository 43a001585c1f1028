"""From an exception's type or ``error.type`` to a category of the contract; messages are never read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from otel_agent_telemetry import semconv
from otel_agent_telemetry.contract._kinds import ERROR_CATEGORIES
from otel_agent_telemetry.meaning._kinds import MODEL, TOOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.meaning._records import SpanRecord

_LONGEST_NAME = 64
_STATUS_DIGITS = 3
_CODES = {
    "400": "validation",
    "401": "auth",
    "403": "auth",
    "404": "validation",
    "408": "timeout",
    "409": "validation",
    "413": "context_overflow",
    "422": "validation",
    "429": "rate_limit",
    "499": "cancelled",
    "504": "timeout",
}
# A word in the name of the class (lower case, without underscores) and what it tells; the first match wins.
_WORDS = (
    ("ratelimit", "rate_limit"),
    ("toomanyrequests", "rate_limit"),
    ("resourceexhausted", "rate_limit"),
    ("quota", "rate_limit"),
    ("throttl", "rate_limit"),
    ("contextlength", "context_overflow"),
    ("contextwindow", "context_overflow"),
    ("contextoverflow", "context_overflow"),
    ("toolarge", "context_overflow"),
    ("timeout", "timeout"),
    ("timedout", "timeout"),
    ("timelimit", "timeout"),  # of task queues
    ("deadline", "timeout"),
    ("authenticat", "auth"),
    ("authoriz", "auth"),
    ("permissiondenied", "auth"),
    ("permissionerror", "auth"),  # the error code of an API; Python's own is generic
    ("forbidden", "auth"),
    ("accessdenied", "auth"),
    ("credential", "auth"),
    ("cancel", "cancelled"),
    ("keyboardinterrupt", "cancelled"),
    ("generatorexit", "cancelled"),
    ("validation", "validation"),
    ("badrequest", "validation"),
    ("invalidrequest", "validation"),
    ("invalidargument", "validation"),
    ("unprocessable", "validation"),
    ("notfounderror", "validation"),
    ("toolerror", "tool_error"),
    ("toolexception", "tool_error"),
    ("mcperror", "tool_error"),
    ("servererror", "api_error"),
    ("unavailable", "api_error"),
    ("badgateway", "api_error"),
    ("overloaded", "api_error"),
    ("apierror", "api_error"),
    ("apistatus", "api_error"),
    ("apiconnection", "api_error"),
    ("connect", "api_error"),
    ("modelhttp", "provider_error"),
    ("modelbehavior", "provider_error"),
    ("chatclient", "provider_error"),
)
# Exceptions that any code raises: they say nothing but that there is a bug or a wrong input somewhere.
_GENERIC = frozenset({
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "EOFError", "Exception", "FileExistsError",
    "FileNotFoundError", "IOError", "ImportError", "IndexError", "IsADirectoryError", "JSONDecodeError", "KeyError",
    "LookupError", "MemoryError", "ModuleNotFoundError", "NameError", "NotADirectoryError", "NotImplementedError",
    "OSError", "OverflowError", "PermissionError", "RecursionError", "RuntimeError", "StopIteration", "SystemError",
    "SystemExit", "TypeError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError",
    "ValueError", "ZeroDivisionError",
})  # fmt: skip
# Command lines that a program refused, as click, typer, cyclopts and argparse call them.
_USAGE = frozenset({
    "ArgumentError", "ArgumentOrderError", "ArgumentTypeError", "BadArgumentUsage", "BadOptionUsage", "BadParameter",
    "CoercionError", "CombinedShortOptionError", "ConsumeMultipleError", "CycloptsError", "MissingArgumentError",
    "MissingParameter", "MixedArgumentError", "NoArgsIsHelpError", "NoSuchCommand", "NoSuchOption",
    "RepeatArgumentError", "RequiresEqualsError", "TokenizationError", "UnknownCommandError", "UnknownOptionError",
    "UnusedCliTokensError", "UsageError",
})  # fmt: skip
_FALLBACK = {TOOL: "tool_error", MODEL: "provider_error"}
_OF_A_TOOL = frozenset({"internal", "api_error", "provider_error"})
_LEFT = "GeneratorExit"
_FAILED = frozenset({"error", "failure"})
_PAUSES = frozenset(
    {
        "ApprovalRequired",  # pydantic-ai
        "CallDeferred",
        "GraphBubbleUp",  # LangGraph: interrupt(), and a command to the graph around
        "GraphInterrupt",
        "Interrupt",
        "InterruptException",  # Strands
        "NodeInterrupt",
        "ParentCommand",
        "WaitingForEvent",  # LlamaIndex' workflows
    }
)
"""Exceptions by which a framework waits for somebody: the run goes on later."""
_TOOL_FAILED = "lk.function_tool.is_error"
"""LiveKit Agents' mark of a tool that raised; true or false."""
ENDS = frozenset({semconv.AGENT_OUTCOME, "gen_ai.tool.status", "gen_ai.task.status", _TOOL_FAILED})
"""The attributes that tell of a failure or another end where the span's status does not."""
CANCELLED = semconv.OUTCOME_CANCELLED
UNKNOWN = "unknown"
"""The outcome of a span that never ended."""
VAGUE = frozenset({"internal", UNKNOWN})
"""Categories that say less than the error of a call that failed inside."""


def error_of(record: SpanRecord, kind: str, *, has_usage: bool = False) -> str | None:
    """The category of the error that ended a span, ``cancelled`` for a cancelled one, None where it ended well.

    A pause is no error. Whoever reads an agent's events up to the last one that he wants closes its generator, so that
    is none either; but a stream of a model that is closed before its usage came was given up.
    """
    attributes = record.attributes
    outcome = attributes.get(semconv.AGENT_OUTCOME)
    if outcome == CANCELLED or (record.interrupted_by and record.interrupted_by != _LEFT):
        return CANCELLED
    if outcome == UNKNOWN:
        return UNKNOWN
    if not (record.is_error or outcome == semconv.OUTCOME_ERROR or record.interrupted_by or _is_failed(attributes)):
        return None
    if is_left(record):
        return CANCELLED if kind == MODEL and not has_usage else None
    if _clean(error_type(record)) in _PAUSES:
        return None
    return failure(record, kind if kind in _FALLBACK else None)


def outcome_of(record: SpanRecord, error: str | None) -> str | None:
    """How a span ended: what it says, else what its error says; None where it just ended."""
    said = record.attributes.get(semconv.AGENT_OUTCOME)
    if isinstance(said, str):
        return said
    if error is not None:
        return CANCELLED if error == CANCELLED else semconv.OUTCOME_ERROR
    return semconv.OUTCOME_OK if record.is_error else None


def is_left(record: SpanRecord) -> bool:
    """Whether a span ended because the reader of its generator went away."""
    if record.attributes.get(semconv.AGENT_OUTCOME) == semconv.OUTCOME_LEFT:
        return True
    raised = error_type(record)
    return record.interrupted_by == _LEFT or (raised != "" and _clean(raised) == _LEFT)


def _is_failed(attributes: Mapping[str, object]) -> bool:
    """Whether an attribute says that the call failed although the span's status does not."""
    stated = attributes.get("gen_ai.tool.status") in _FAILED or attributes.get("gen_ai.task.status") in _FAILED
    return stated or attributes.get(_TOOL_FAILED) is True


def failure(record: SpanRecord, kind: str | None = None) -> str:
    """The category of a failed span's error; what a call of that kind fails with where nothing is known."""
    return category(error_type(record), kind)


def error_type(record: SpanRecord) -> str:
    """``error.type``, else the type of the last exception, else an HTTP status, else nothing."""
    attributes: Mapping[str, object] = record.attributes
    for value in (attributes.get(semconv.ERROR_TYPE), record.exception_type, attributes.get("error_type")):
        if value and isinstance(value, str) and value != "_OTHER":
            return value
    status = attributes.get("http.response.status_code")
    return str(status) if isinstance(status, (int, str)) else ""


@lru_cache(maxsize=1024)
def category(raw: str, kind: str | None = None) -> str:
    """The category of an error type as an instrumentation wrote it: a class, its text, an API code, an HTTP status."""
    found = _named(_clean(raw))
    if kind == TOOL and (found is None or found in _OF_A_TOOL):
        return "tool_error"
    return found or _FALLBACK.get(kind or "", "unknown")


def _clean(raw: str) -> str:
    """The bare class name or code, or nothing where it is something else: ``<class 'openai.RateLimitError'>``."""
    name = raw.removeprefix("<class '").removesuffix("'>").rpartition(".")[2]
    is_code = len(name) == _STATUS_DIGITS and name.isascii() and name.isdigit()
    return name if is_code or (name.isidentifier() and len(name) <= _LONGEST_NAME) else ""


def _named(name: str) -> str | None:
    if not name:
        return None
    if name in ERROR_CATEGORIES:
        return name
    if name in _GENERIC:
        return "internal"
    if name in _USAGE:
        return "validation"
    if name.isdigit():
        return _CODES.get(name, "api_error" if name.startswith("5") else None)
    bare = name.replace("_", "").lower()
    return next((found for word, found in _WORDS if word in bare), None)
