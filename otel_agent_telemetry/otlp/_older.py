"""OTLP/JSON of before 0.15, whose scopes are ``instrumentationLibrarySpans``, under the names of today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from otel_agent_telemetry.otlp._signals import camel

if TYPE_CHECKING:
    from otel_agent_telemetry.otlp._signals import Signal

__all__ = ["of_today"]


def of_today(signal: Signal, document: dict[str, Any]) -> dict[str, Any]:
    """The document with the names of OTLP 0.15 and later."""
    old = {signal.libraries, camel(signal.libraries)}
    members = cast("list[Any]", document.get(camel(signal.resources), document.get(signal.resources)) or [])
    if not any(isinstance(member, dict) and old & cast("dict[str, Any]", member).keys() for member in members):
        return document
    return {camel(signal.resources): [_resource_of_today(signal, member) for member in members]}


def _resource_of_today(signal: Signal, given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    member = cast("dict[str, Any]", given)
    names = (signal.scopes, camel(signal.scopes), signal.libraries, camel(signal.libraries))
    scopes = [each for name in names for each in _listed(member.get(name))]
    rest = {key: value for key, value in member.items() if key not in names}
    return {**rest, camel(signal.scopes): [_scope_of_today(scope) for scope in scopes]}


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]


def _scope_of_today(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    scope = cast("dict[str, Any]", given)
    library = scope.get("instrumentationLibrary", scope.get("instrumentation_library"))
    return scope if library is None else {"scope": library, **scope}
