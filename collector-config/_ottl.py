"""The contract as statements of the transform processor: what it names is copied in, field by field, and nothing else.

``log.cache["p"]`` holds an event's properties under their names in the contract, ``log.cache["event"]`` its name.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, cast

from otel_agent_telemetry import contract, settings
from otel_agent_telemetry.contract._preset_kinds import PRESET_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["checks", "envelope", "renames"]

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_IN, _RECORD, _DOCKER, _EVENT = 'log.cache["in"]', 'log.cache["record"]', 'log.cache["d"]', 'log.cache["event"]'
_DAY = "^20[0-9]{2}-[01][0-9]-[0-3][0-9]$"
_LANGUAGE = "^(C|POSIX|other|[a-z]{2,3}([_-][A-Z]{2})?)([.](UTF-8|utf-?8|ISO-8859-[0-9]{1,2}))?$"
_PRODUCT = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_INSTALLATION = "^(install|ephemeral)_[0-9a-f]{16}$"
_NAME = "^[@~]?[A-Za-z0-9][A-Za-z0-9._:/+-]{{0,{}}}$"


def envelope() -> Iterator[str]:
    """What surrounds an event, in either dialect, and its name."""
    product, installation = {"pattern": _PRODUCT}, {"pattern": _INSTALLATION}
    version = contract.Version().schema()
    is_ours = f'{_IN}["actor_mode"] == "anonymous" and {_IN}["metadata"]["schema_version"] == {contract.SCHEMA_VERSION}'
    yield _copy(_attribute("product"), f'{_IN}["product"]', product)
    yield _copy(_attribute("installation"), f'{_IN}["actor_anonymous_id"]', installation) + f" and {is_ours}"
    yield _copy(_attribute("installed_on"), f'{_IN}["metadata"]["install_created_at"]', {"pattern": _DAY})
    yield _copy(_attribute("source"), f'{_IN}["source"]', {"enum": settings.SOURCES})
    environments = (*settings.ENVIRONMENTS, "other")
    yield _copy(_attribute("environment"), f'{_IN}["metadata"]["environment"]', {"enum": environments})
    yield _copy(_attribute("version"), 'log.cache["p"]["version"]', version)
    yield _copy(_attribute("version"), 'log.cache["p"]["swarmVersion"]', version)
    yield _copy(_attribute("product"), f'{_RECORD}["source"]', product)
    yield _copy(_attribute("installation"), f'{_DOCKER}["user_uuid"]', installation)
    yield _copy(_attribute("version"), f'{_DOCKER}["version"]', version)
    yield _copy(_attribute("os"), f'{_DOCKER}["os"]', {"enum": ("linux", "darwin", "windows", "other")})
    yield _copy(_attribute("language"), f'{_DOCKER}["os_language"]', {"pattern": _LANGUAGE})
    yield _copy(_EVENT, f'{_IN}["event"]', {"enum": tuple(contract.events())})
    for event in contract.events().values():
        if event.docker is None:
            continue
        subject, action = event.docker
        known = f'{_RECORD}["event"] == "{subject}"'
        if action is not None:
            known += f' and {_DOCKER}["action"] == "{action}"'
        yield f'set({_EVENT}, "{event.name}") where {known}'
    yield f"set({_attribute('event')}, {_EVENT})"


def renames() -> Iterator[str]:
    """The docker dialect's properties under the names of the contract."""
    pairs = {
        (_docker_name(name, kind.docker, is_closed=event.docker_required is not None), name)
        for event in contract.events().values()
        if event.docker is not None
        for name, kind in event.properties.items()
    }
    pairs |= {(name, name) for name in contract.tags()}
    for theirs, ours in sorted((theirs, ours) for theirs, ours in pairs if theirs is not None):
        yield f'set(log.cache["p"]["{ours}"], {_DOCKER}["{theirs}"])'  # sets nothing where that is absent


def checks() -> Iterator[str]:
    """One statement for each property and kind: it is copied where its event has it and its value is of that kind."""
    having: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event in contract.events().values():
        for name, kind in event.properties.items():
            having[name, json.dumps(kind.schema())].append(event.name)
    for (name, schema), names in having.items():
        yield f"{_property(name, json.loads(schema))} and {_matches(_EVENT, _one_of(names))}"
    for name, kind in {**contract.tags(), **PRESET_KINDS}.items():
        yield _property(name, kind.schema())


def _property(name: str, schema: Mapping[str, object]) -> str:
    return _copy(_attribute(f"properties.{name}"), f'log.cache["p"]["{name}"]', schema)


def _attribute(name: str) -> str:
    return f'log.attributes["{name}"]'


def _copy(to: str, given: str, schema: Mapping[str, object]) -> str:
    value = f"Int({given})" if schema.get("type") == "integer" else given
    return f"set({to}, {value}) where {_condition(schema, given)}"


def _condition(schema: Mapping[str, object], path: str) -> str:
    """That the value at a path, parsed from JSON, is of a schema such as the kinds of the contract write."""
    match schema.get("type", "string"):
        case "boolean":
            return f"IsBool({path})"
        case "integer":
            bounds = f"{path} >= 0 and {path} <= {schema['maximum']}"
            return f"IsDouble({path}) and {bounds} and Double(Int({path})) == {path}"
        case "number":
            return f"IsDouble({path}) and {path} >= 0 and {path} <= {schema['maximum']:.1f}"
        case "array":
            item = f'"({_pattern(cast("Mapping[str, object]", schema["items"]))[1:-1]})"'
            listed = json.dumps(rf"^\[({item}(,{item})*)?\]$")
            return f"IsList({path}) and Len({path}) <= {schema['maxItems']} and IsMatch(String({path}), {listed})"
        case _:
            return _matches(path, _pattern(schema))


def _pattern(schema: Mapping[str, object]) -> str:
    if "enum" in schema:
        return _one_of(cast("list[str]", schema["enum"]))
    if "pattern" in schema:
        return str(schema["pattern"])
    return _NAME.format(int(str(schema["maxLength"])) - 1)


def _one_of(words: list[str]) -> str:
    return f"^({'|'.join(word.replace('.', '[.]') for word in words)})$"


def _matches(path: str, pattern: str) -> str:
    return f"IsString({path}) and IsMatch({path}, {json.dumps(pattern)})"


def _docker_name(name: str, given: str | None, *, is_closed: bool) -> str | None:
    return given if given is not None or is_closed else _CAPITAL.sub(r"_\1", name).lower()
