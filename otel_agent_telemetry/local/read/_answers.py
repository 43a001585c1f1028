"""Answers as JSON that every program can read, whatever the telemetry holds; and JSON that telemetry holds."""

from __future__ import annotations

import json
from math import isfinite
from typing import cast

__all__ = ["json_text", "parsed"]

_DEEPEST = 100


def json_text(value: object, *, indent: int | None = None) -> str:
    """The value as JSON: a number that is none is null, half of a surrogate pair is "?", what nests too deep is cut."""
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        text = json.dumps(_sound(value, _DEEPEST), indent=indent, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else text.encode(errors="replace").decode()


def parsed(value: object) -> object:
    """JSON text as what it says, anything else as it is."""
    if not isinstance(value, str) or value[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _sound(value: object, levels: int) -> object:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return {key: _sound(member, levels - 1) for key, member in members} if levels else "..."
    if isinstance(value, (list, tuple)):
        return [_sound(member, levels - 1) for member in cast("list[object]", value)] if levels else "..."
    return value
