"""How a clean event is written: in the ``proxy`` dialect (Agent Swarm's schema) or in ``docker`` (docker-agent's)."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses, contract
from otel_agent_telemetry.contract._kinds import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_agent_telemetry.identity import Identity
    from otel_agent_telemetry.pipeline.writing.anonymise import CleanEvent
    from otel_agent_telemetry.presets import Preset
    from otel_agent_telemetry.settings import Settings

__all__ = ["CONTENT_TYPE", "Envelope", "as_of_now", "encode", "envelope"]

CONTENT_TYPE = "application/json"

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_HERE = "\0"
_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Z]{2})?(\.(UTF-8|utf-?8|ISO-8859-\d{1,2}))?")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_OPERATING_SYSTEMS = {"linux": "linux", "darwin": "darwin", "win32": "windows", "cygwin": "windows"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds every event of this process."""

    product: str
    source: str
    environment: str
    installation_id: str
    installed_on: str | None = None
    version: str | None = None
    os: str = "other"
    language: str = "en-US"
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    properties: Mapping[str, object] = field(default_factory=dict[str, object])
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    written: dict[str, tuple[str, str, str]] = field(
        default_factory=dict[str, "tuple[str, str, str]"], compare=False, repr=False
    )
    """By event, what is the same in all of that name; filled as they are written."""


def envelope(
    settings: Settings,
    identity: Identity,
    *,
    product: str,
    version: str | None,
    source: str,
    environ: Mapping[str, str] = os.environ,
) -> Envelope:
    """The envelope of this process as of its start; :func:`as_of_now` adds what changes while it runs."""
    checked = Version().check(version)
    public_version = checked if isinstance(checked, str) else None
    preset: Preset | None = settings.preset
    if preset is None:
        properties: Mapping[str, object] = {} if public_version is None else {"version": public_version}
    else:
        properties = preset.properties(public_version, environ)
    return Envelope(
        product=product,
        source=source,
        environment=settings.environment,
        installation_id=identity.installation_id,
        installed_on=identity.installed_on,
        version=public_version,
        os=_OPERATING_SYSTEMS.get(sys.platform, "other"),
        language=_language(environ),
        tags=_declared_tags(settings.tags),
        properties=properties,
        metadata={} if preset is None else preset.metadata(environ),
    )


def as_of_now(start: Envelope, settings: Settings, environ: Mapping[str, str] = os.environ) -> Envelope:
    """The envelope with what a preset's product reads for each event: its environment, and whether it is hosted."""
    preset: Preset | None = settings.preset
    if preset is None:
        return start
    is_hosted = preset.is_hosted(environ)
    return replace(
        start,
        environment=settings.environment_now(environ),
        properties={**start.properties, "is_cloud": start.properties["is_cloud"] or is_hosted},
        metadata={**start.metadata, "is_cloud": is_hosted},
        written={},
    )


def encode(dialect: str, clean: CleanEvent, around: Envelope) -> bytes | None:
    """The exact body of the request for this event alone; None where the dialect says it with another event."""
    if dialect == "docker":
        written = _docker(clean, around)
        return None if written is None else _json(written).encode()
    return _proxy(clean, around).encode()


def _proxy(clean: CleanEvent, around: Envelope) -> str:
    name = clean.event.name
    written = around.written.get(name)
    if written is None:
        written = around.written[name] = _written(name, around)
    before, between, after = written
    properties = _json({**around.tags, **clean.properties, **around.properties})
    return f'{before}"{_moment(clean.occurred)}"{between}{properties}{after}'


@lru_cache(maxsize=64)
def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _written(name: str, around: Envelope) -> tuple[str, str, str]:
    """What is the same in all events of a name: before its time, between that and its properties, and after them."""
    metadata: dict[str, object] = {
        "transport": "https",
        "schema_version": contract.SCHEMA_VERSION,
        "environment": around.environment,
        **around.metadata,
    }
    if around.installed_on is not None:
        metadata["install_created_at"] = around.installed_on
    whole = {
        "product": around.product,
        "event": name,
        "occurred_at": _HERE,
        "source": around.source,
        "actor_mode": "anonymous",
        "actor_anonymous_id": around.installation_id,
        "properties": _HERE,
        "metadata": metadata,
    }
    before, between, after = _json(whole).split(_json(_HERE))
    return before, between, after


def _docker(clean: CleanEvent, around: Envelope) -> dict[str, object] | None:
    if clean.event.docker is None:
        return None
    event, action = clean.event.docker
    properties: dict[str, object] = {**around.tags, **_docker_properties(clean)}
    if action is not None:
        properties["action"] = action
    system = {
        "user_uuid": around.installation_id,
        "version": around.version or "unknown",
        "os": around.os,
        "os_language": around.language,
    }
    return {
        "records": [
            {
                "event": event,
                "event_timestamp": clean.occurred * 1000,
                "source": around.product,
                "properties": dict(sorted({**properties, **system}.items())),
            }
        ]
    }


def _docker_properties(clean: CleanEvent) -> dict[str, object]:
    kinds = clean.event.properties
    if clean.event.docker_required is None:
        return {kinds[name].docker or _snake_case(name): value for name, value in clean.properties.items()}
    named = {key: value for name, value in clean.properties.items() if (key := kinds[name].docker) is not None}
    if named.get("error_count"):
        named["is_success"] = False  # docker-agent: a session is a success if no error was recorded in it
    return {**clean.event.docker_required, **named}


def _snake_case(name: str) -> str:
    return _CAPITAL.sub(r"_\1", name).lower()


def _language(environ: Mapping[str, str]) -> str:
    language = environ.get("LANG", "")
    if not language:
        return "en-US"
    return language if _LANGUAGE.fullmatch(language) else "other"


def _declared_tags(given: Mapping[str, str]) -> dict[str, str]:
    declared = contract.tags()
    kept = {name: value for name, value in given.items() if name in declared and value in declared[name].values}
    if len(kept) != len(given):
        _losses.count("undeclared_tag", len(given) - len(kept))
    return kept
