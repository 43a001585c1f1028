"""Attribute values from what callers give: OpenTelemetry and its exporters choke on the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.util.types import AttributeValue

__all__ = ["attributes", "value_of"]

LONGEST_TEXT = 256
"""Characters; ids and names are short, and an attribute is no place for a document."""

_LARGEST_INTEGER = 2**63 - 1  # OTLP carries integers as int64


def attributes(given: Iterable[tuple[str, object]]) -> dict[str, AttributeValue]:
    """What of these can be an attribute: None is left out, a value of any other type is dropped and counted."""
    kept: dict[str, AttributeValue] = {}
    for key, value in given:
        if value is None:
            continue
        if type(value) is str and len(value) <= LONGEST_TEXT and value.isascii():  # the usual case, first
            kept[key] = value
        else:
            usable = value_of(value)
            if usable is None:
                _losses.count("wrong_type")
            else:
                kept[key] = usable
    return kept


def value_of(value: object) -> AttributeValue | None:
    """The value as an attribute value: text cut and made valid UTF-8, integers within int64, of a list its texts.

    None for other types.
    """
    if isinstance(value, str):
        if len(value) <= LONGEST_TEXT and value.isascii():
            return value
        return value[:LONGEST_TEXT].encode("utf-8", "replace").decode()
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return min(max(value, -_LARGEST_INTEGER), _LARGEST_INTEGER)
    if isinstance(value, (list, tuple)):
        return _texts(value[:LONGEST_TEXT])  # pyright: ignore[reportUnknownArgumentType] - elements are checked there
    return None


def _texts(given: Sequence[object]) -> list[str] | None:
    """The texts of a list, as a list in an attribute is of one type; None where it holds none but other values."""
    texts = [str(value_of(item)) for item in given if isinstance(item, str)]
    if not texts and given:
        return None
    if len(texts) < len(given):
        _losses.count("wrong_type")
    return texts
