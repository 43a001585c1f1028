"""What arrives, checked field by field: what the contract names and is of its kind is copied, all else is gone.

The same rules as ``collector-config/event-proxy.yaml``, from the same contract; a product's own events and tags count
once the modules that declare them are imported.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from otel_agent_telemetry import contract
from otel_agent_telemetry.maintainers.book._fields import checked_of, dropped_of, plan_of
from otel_agent_telemetry.settings import ENVIRONMENTS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from otel_agent_telemetry.contract import Event

__all__ = ["DIALECT_PATHS", "LARGEST_EVENT", "Arrival", "DroppedError", "Reader", "is_installation"]

DIALECT_PATHS = {"/v1/events": "proxy", "/events/v1/track": "docker"}
LARGEST_EVENT = 8192
_LONGEST = 64
_EARLIEST = 1_577_836_800  # 2020-01-01: before this package was, and before its clients were
_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_SECONDS = {f":{second:02}": second for second in range(60)}
_REST_OF_SECOND = re.compile(r"(\.\d{1,9})?Z", re.ASCII)
_DAY = re.compile(r"20\d\d-[01]\d-[0-3]\d", re.ASCII)
_PRODUCT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_INSTALLATION = re.compile(r"(install|ephemeral)_[0-9a-f]{16}", re.ASCII)
_LANGUAGE = re.compile(r"(C|POSIX|other|[a-z]{2,3}([_-][A-Z]{2})?)([.](UTF-8|utf-?8|ISO-8859-[0-9]{1,2}))?", re.ASCII)
_ENVELOPE = frozenset(
    {"product", "event", "occurred_at", "source", "actor_mode", "actor_anonymous_id", "properties", "metadata"}
)
_OF_SENDER = frozenset({"version", "swarmVersion"})
_OF_RECORD = frozenset({"action", "user_uuid", "version", "os", "os_language"})
_SYSTEMS = frozenset({"linux", "darwin", "windows", "other"})
_PLACES = (*ENVIRONMENTS, "other")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_REMEMBERED = 4096
_LARGEST_REMEMBERED = 2048  # bytes of an event, so that what is remembered has a bound
_Objects = dict[str, object]
_parsed = json.JSONDecoder().decode


class Arrival(NamedTuple):
    """One event as it may be kept. ``occurred`` is in seconds since the epoch; text that is unknown is empty."""

    product: str
    event: str
    installation: str
    occurred: int
    version: str
    source: str
    environment: str
    os: str
    language: str
    installed_on: str
    properties: dict[str, object]
    unknown: int = 0
    """Fields that were dropped because nothing declares them."""
    wrong: int = 0
    """Fields that were dropped because they were not of their kind."""


class DroppedError(ValueError):
    """An event that is not kept; its text is the reason, a word that is counted."""


class Reader:
    """Reads bodies of both dialects by the contract as it stands when this is made."""

    def __init__(self) -> None:
        self._events = {event.name: plan_of(event) for event in contract.events().values()}
        self._docker = {event.docker: event for event in contract.events().values() if event.docker is not None}
        self._renames = {event.name: _renames(event) for event in contract.events().values()}

    def read(self, dialect: str, body: bytes, *, now: float) -> Arrival:
        """One event from its bytes. Raises DroppedError for what is no event of the contract."""
        if len(body) > LARGEST_EVENT:
            raise DroppedError("too_large")
        try:
            document = _map(_parsed(body.decode()))
        except (ValueError, RecursionError) as error:
            raise DroppedError("not_json") from error
        if dialect == "proxy":
            found = self._from_proxy(document, _known if len(body) <= _LARGEST_REMEMBERED else _sender)
        else:
            found = self._from_docker(document)
        if not _EARLIEST <= found.occurred <= now + 86_400:
            raise DroppedError("wrong_time")
        return found

    def _from_proxy(self, given: _Objects, sender: Callable[..., _Sender]) -> Arrival:
        name, metadata = given.get("event"), _map(given.get("metadata"))
        if not isinstance(name, str) or (plan := self._events.get(name)) is None:
            raise DroppedError("unknown_event")
        if given.get("actor_mode") != "anonymous" or metadata.get("schema_version") != contract.SCHEMA_VERSION:
            raise DroppedError("unknown_schema")
        properties = _map(given.get("properties"))
        product, installation, version, source, environment, installed_on, wrong = sender(
            given.get("product"),
            given.get("actor_anonymous_id"),
            properties.get("version"),
            properties.get("swarmVersion"),
            given.get("source"),
            metadata.get("environment"),
            metadata.get("install_created_at"),
        )
        checked = checked_of(plan, properties)
        unknown, misfits = dropped_of(plan, properties, checked, _OF_SENDER)
        return Arrival(
            product,
            name,
            installation,
            _moment(given.get("occurred_at")),
            version,
            source,
            environment,
            "",
            "",
            installed_on,
            checked,
            unknown if given.keys() <= _ENVELOPE else unknown + len(given.keys() - _ENVELOPE),
            wrong + misfits,
        )

    def _from_docker(self, given: _Objects) -> Arrival:
        records = given.get("records")
        if not isinstance(records, list) or len(cast("list[object]", records)) != 1:
            raise DroppedError("unknown_schema")
        record = _map(cast("list[object]", records)[0])
        properties = _map(record.get("properties"))
        subject, action = record.get("event"), properties.get("action")
        if not isinstance(subject, str):
            raise DroppedError("unknown_event")
        event = self._docker.get((subject, None))
        if event is None and isinstance(action, str):
            event = self._docker.get((subject, action))
        if event is None:
            raise DroppedError("unknown_event")
        renames, plan = self._renames[event.name], self._events[event.name]
        renamed = {ours: properties[theirs] for theirs, ours in renames if theirs in properties}
        checked = checked_of(plan, renamed)
        _, wrong = dropped_of(plan, renamed, checked, frozenset())
        return Arrival(
            product=_required(_PRODUCT, record.get("source"), "no_product"),
            event=event.name,
            installation=_required(_INSTALLATION, properties.get("user_uuid"), "no_installation"),
            occurred=_milliseconds(record.get("event_timestamp")),
            version=_version(properties.get("version")),
            source="",
            environment="",
            os=_one_of(_SYSTEMS, properties.get("os")),
            language=_text(_LANGUAGE, properties.get("os_language")),
            installed_on="",
            properties=checked,
            unknown=len(properties.keys() - _OF_RECORD - {theirs for theirs, _ in renames}),
            wrong=wrong,
        )


_Sender = tuple[str, str, str, str, str, str, int]
"""Product, installation, version, source, environment, day of installation, how many were not of their kind."""


def _sender(*said: object) -> _Sender:
    product, installation, version, swarm_version, source, environment, installed_on = said
    checked = (
        _version(version) or _version(swarm_version),
        _one_of(SOURCES, source),
        _one_of(_PLACES, environment),
        _text(_DAY, installed_on),
    )
    given = (version or swarm_version, source, environment, installed_on)
    return (
        _required(_PRODUCT, product, "no_product"),
        _required(_INSTALLATION, installation, "no_installation"),
        *checked,
        sum(bool(ours) != (theirs is not None) for ours, theirs in zip(checked, given, strict=True)),
    )


_remembered = lru_cache(maxsize=_REMEMBERED)(_sender)


def _known(*said: object) -> _Sender:
    """The same few senders come again and again."""
    try:
        return _remembered(*said)
    except TypeError:  # a list or an object, which cannot be a key
        return _sender(*said)


def is_installation(text: str) -> bool:
    """Whether that is the id of an installation."""
    return _INSTALLATION.fullmatch(text) is not None


def _renames(event: Event) -> list[tuple[str, str]]:
    """(docker name, our name) of an event's properties, its tags included."""
    is_closed = event.docker_required is not None
    pairs = [
        (kind.docker or ("" if is_closed else _CAPITAL.sub(r"_\1", name).lower()), name)
        for name, kind in event.properties.items()
    ]
    return [(theirs, ours) for theirs, ours in pairs if theirs] + [(name, name) for name in contract.tags()]


def _map(value: Any) -> _Objects:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - parsed from JSON


def _text(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST and _is_one(pattern, value) else ""


@lru_cache(maxsize=8192)
def _is_one(pattern: re.Pattern[str], value: str) -> bool:
    """The same few ids, days and products come again and again."""
    return pattern.fullmatch(value) is not None


def _required(pattern: re.Pattern[str], value: object, reason: str) -> str:
    found = _text(pattern, value)
    if not found:
        raise DroppedError(reason)
    return found


def _one_of(words: Collection[str], value: object) -> str:
    return value if isinstance(value, str) and value in words else ""


_version_kind = contract.Version()


def _version(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST and _is_version(value) else ""


@lru_cache(maxsize=1024)
def _is_version(value: str) -> bool:
    return _version_kind.check(value) is not None


def _moment(value: object) -> int:
    if not isinstance(value, str) or not _REST_OF_SECOND.fullmatch(value, 19):
        raise DroppedError("wrong_time")
    try:
        return _minute_began(value[:16]) + _SECONDS[value[16:19]]
    except (KeyError, ValueError) as error:
        raise DroppedError("wrong_time") from error


@lru_cache(maxsize=_REMEMBERED)
def _minute_began(minute: str) -> int:
    """A minute in UTC, as seconds since the epoch. Raises ValueError for one that no calendar has."""
    if not _MINUTE.fullmatch(minute):
        raise ValueError(minute)
    return int(datetime.fromisoformat(minute).replace(tzinfo=timezone.utc).timestamp())


def _milliseconds(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise DroppedError("wrong_time")
    return value // 1000
