"""The declared events and tags: those of this package, and what a product adds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from otel_agent_telemetry.contract._events import EVENTS, Event
from otel_agent_telemetry.contract._kinds import WORD, Enum, Kind
from otel_agent_telemetry.errors import ContractError

__all__ = [
    "SCHEMA_VERSION",
    "VERSION",
    "declared_tag",
    "event",
    "events",
    "lookup",
    "raise_version",
    "tag",
    "tags",
    "version",
    "withdraw",
]

VERSION = 1
"""Of the contract: raised with each change to what is collected. It stands in the texts, never on the wire."""

SCHEMA_VERSION = 1
"""Of what surrounds an event, ``metadata.schema_version``: proxies that read this one read every later contract."""

_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}")
_PROPERTY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}")
_RESERVED_PROPERTIES = frozenset({"version", "os", "os_language", "user_uuid", "action", "why", "fires"})
_RESERVED_TEXT = ", ".join(sorted(_RESERVED_PROPERTIES))


@dataclass(slots=True)
class _Contract:
    events: dict[str, Event] = field(default_factory=lambda: {declared.name: declared for declared in EVENTS})
    tags: dict[str, Enum] = field(default_factory=dict[str, Enum])
    version: int = VERSION


_contract = _Contract()


def events() -> dict[str, Event]:
    """Every declared event by name: those of this package, then those of the product."""
    return dict(_contract.events)


def version() -> int:
    """The contract's version: that of this package, or the one that the product raised it to."""
    return _contract.version


def raise_version(to: int) -> None:
    """Say that what the product declares has changed: its schema and its TELEMETRY.md carry this version.

    What is sent stays as it is, so that every proxy goes on reading it. Raises ContractError for what is no whole
    number from :func:`version` on.
    """
    if isinstance(to, bool) or not isinstance(to, int) or to < _contract.version:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        msg = f"contract.raise_version({to!r}): expected a whole number from {_contract.version} on"
        raise ContractError(msg)
    _contract.version = to


def lookup(name: str) -> Event | None:
    """The declared event of that name."""
    return _contract.events.get(name)


def tags() -> dict[str, Enum]:
    """The tags that the product declared, by name."""
    return dict(_contract.tags)


def declared_tag(value: str) -> str:
    """The value, where a tag that the product declared has it, else ``"other"``: what ``task(tags=)`` may send."""
    return value if any(value in declared.values for declared in _contract.tags.values()) else "other"


def event(name: str, /, *, fires: str = "", why: str = "", **properties: Kind) -> Event:
    """Declare an event of the product's own.

    ``name`` is ``subject.verb`` in lower case; each keyword is a property and its kind. Raises ContractError for a name
    that is taken or malformed and for a property that has no kind.
    """
    _require_free(name)
    for key, kind in properties.items():
        if not _PROPERTY_NAME.fullmatch(key) or key in _RESERVED_PROPERTIES:
            msg = f"contract.event({name!r}): {key!r} is no property name; use letters, digits, _, not {_RESERVED_TEXT}"
            raise ContractError(msg)
        if not isinstance(kind, Kind):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            msg = f"contract.event({name!r}): {key} is {kind!r}; expected a kind such as Count() or Flag()"
            raise ContractError(msg)
    subject, verb = name.split(".")
    declared = Event(
        name=name, fires=fires, why=why, properties=dict(properties), docker=(subject, verb), declared_by="product"
    )
    _contract.events[name] = declared
    return declared


def tag(name: str, *values: str) -> Enum:
    """Declare a tag and its values: ``TELEMETRY_TAGS`` may then carry it, and a task its values, ``task(tags=)``.

    Raises ContractError for free text.
    """
    if not _PROPERTY_NAME.fullmatch(name) or name in _RESERVED_PROPERTIES:
        msg = f"contract.tag({name!r}): not a tag name; use letters, digits, _, not {_RESERVED_TEXT}"
        raise ContractError(msg)
    wrong = [value for value in values if not WORD.fullmatch(value)]
    if wrong or not values:
        msg = f"contract.tag({name!r}): declare one or more values of up to 64 letters, digits and _.:- (got {wrong!r})"
        raise ContractError(msg)
    declared = Enum(values, why="a tag that the product declared")
    _contract.tags[name] = declared
    return declared


def withdraw(name: str) -> None:
    """Take back an event or a tag that the product declared; those of the contract itself stay."""
    declared = _contract.events.get(name)
    if declared is not None and declared.declared_by == "product":
        del _contract.events[name]
    _contract.tags.pop(name, None)


def _require_free(name: str) -> None:
    if not _EVENT_NAME.fullmatch(name):
        msg = f"contract.event({name!r}): expected subject.verb in lower case, such as 'import.finished'"
        raise ContractError(msg)
    if name in _contract.events:
        msg = f"contract.event({name!r}): already declared; see `agent-telemetry schema --format markdown`"
        raise ContractError(msg)
