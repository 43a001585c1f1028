"""The contract as texts: JSON Schema (draft 2020-12) of the proxy dialect's bodies, and TELEMETRY.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract._kinds import Enum, ListOf, PublicName, Ref
from otel_agent_telemetry.contract._preset_kinds import PRESET_KINDS

if TYPE_CHECKING:
    from otel_agent_telemetry.contract._events import Event
    from otel_agent_telemetry.contract._kinds import Kind

__all__ = ["json_schema", "markdown"]

_OWN = "declared by the product"
_ID = "^(install|ephemeral)_[0-9a-f]{16}$"

_KINDS = """\
| kind | on the wire |
|---|---|
| Enum | one of the listed words, else `other` |
| Flag | true or false |
| Count | a whole number from 0 |
| Milliseconds | a whole number of milliseconds |
| Usd | US dollars, rounded to a millionth |
| Ref | 16 hex digits: a keyed hash whose key never leaves the installation |
| PublicName | a public name (a listed model; what the product declared, or public coding agents ship), else `custom` |
| Tag | a value of a tag that the product declared (`contract.tag`), else `other` |
| Version | a version number of at most three parts of four digits, else left out |
| ErrorCategory | one of `{categories}`, from exception types, never from messages |
| ListOf | at most 32 values of one kind |
"""

_HEAD = """\
# What is collected

Anonymous events about the lifecycle of agents, sessions and tasks, for the maintainers of the product that uses this
package: contract version {contract}. What is not listed here cannot be sent: this file is generated from
`otel_agent_telemetry/contract` (`make schema`), and a test compares the two. A product may declare events of its own,
with the same kinds; `agent-telemetry schema --format markdown --declare MODULE` lists them as well.

**See it:** `agent-telemetry events` prints every event, byte for byte. `agent-telemetry events --next` prints the next
one before it leaves. `AGENT_TELEMETRY_DEBUG=1` prints events and sends none.
**Switch it off:** `agent-telemetry off`, or `ANONYMIZED_TELEMETRY=false`, or `DO_NOT_TRACK=1`.
**Delete it:** `agent-telemetry forget` deletes the installation id, the reference key and the ledger.

Never collected: prompts, answers, tool arguments and results, error messages, file paths, addresses, user names, host
names, command arguments, environment variables, and names of agents, tools, workflows and models that are not public.

## Around every event

| field | holds |
|---|---|
| `product`, `version` | the product's name and version |
| `occurred_at` | when it happened, to the second |
| `source` | `api-server`, `worker`, `cli` or `library` |
| `actor_anonymous_id` | `install_` and 16 random hex digits, made on this machine, one per product |
| `metadata` | `schema_version` {version}, `environment`, and `install_created_at`: the day on which that id was made |

`schema_version` says how to read the fields around an event. A later version of the contract has more events or
properties, and the same `schema_version`: a reader skips those that it does not know.

The docker dialect has the same fields under other names, and two more: `os` (`linux`, `darwin`, `windows`) and
`os_language` (the language that `LANG` names, such as `de_DE.UTF-8`; `other` if it names none, as `C.UTF-8` does). Its
`is_success` of a session is false if any error was recorded in the session, even one of a tool that the agent recovered
from, as in docker-agent. In the proxy dialect, `isSuccess` of the same session is true unless an error ended it, and
`errorCount` counts all errors.

## What could be joined, and by whom

**The maintainers** can join all events of one installation by its id, and those of one session or task by its
reference. Ids and references mean nothing anywhere else.

**A model provider**, or anybody who can read its usage log, can find the call behind an event. By default token
counts and durations are exact, and times are to the second: the exact pair of input and output tokens, with the time,
often occurs only once in such a log. Anyone with both the events and the log can tell which customer of the provider
an installation belongs to.

**The operator** can find the event of a call in the same way, in their own traces.

`precision="coarse"` (`AGENT_TELEMETRY_PRECISION=coarse`) makes this much harder: it keeps two significant digits of
each number, and the minute of each time. `agent-telemetry schema --entropy` prints how many bits each event can carry,
exact and coarse.

## Kinds

"""


def markdown() -> str:
    """TELEMETRY.md."""
    parts = [
        _HEAD.replace("{version}", str(contract.SCHEMA_VERSION)).replace("{contract}", str(contract.version())),
        _KINDS.replace("{categories}", " ".join(contract.ERROR_CATEGORIES)),
        "\n## Events\n",
    ]
    parts += [_event(event) for event in contract.events().values()]
    return "".join(parts)


def _event(event: Event) -> str:
    docker = "said by `session.ended`"
    if event.docker is not None:
        event_name, action = event.docker
        docker = f"`{event_name}`" + (f" with action `{action}`" if action else "")
    rows = [f"| `{name}` | {_kind(kind)} | {kind.why}{_where(kind)} |" for name, kind in event.properties.items()]
    lines = [
        f"\n### `{event.name}`\n",
        f"When: {event.fires or _OWN}. Why: {event.why or _OWN}. Docker dialect: {docker}.\n",
        "| property | kind | why |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _where(kind: Kind) -> str:
    return "" if kind.preset is None else f" (only with the preset `{kind.preset}`)"


def _kind(kind: Kind) -> str:
    if isinstance(kind, Enum):
        return "Enum: " + ", ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, (Ref, PublicName)):
        return f"{kind.label} ({kind.namespace if isinstance(kind, Ref) else kind.registry})"
    if isinstance(kind, ListOf):
        return f"ListOf {_kind(kind.item)}"
    return kind.label


def json_schema() -> dict[str, object]:
    """JSON Schema of one event in the proxy dialect; a product's preset may add flags to properties and metadata."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Anonymous events, contract version {contract.version()}",
        "type": "object",
        "required": [
            "product",
            "event",
            "occurred_at",
            "source",
            "actor_mode",
            "actor_anonymous_id",
            "properties",
            "metadata",
        ],
        "additionalProperties": False,
        "properties": {
            "product": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
            "event": {"enum": [*contract.events()]},
            "occurred_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$"},
            "source": {"enum": ["api-server", "worker", "cli", "library"]},
            "actor_mode": {"const": "anonymous"},
            "actor_anonymous_id": {"type": "string", "pattern": _ID},
            "properties": {"type": "object"},
            "metadata": {
                "type": "object",
                "required": ["transport", "schema_version", "environment"],
                "properties": {
                    "transport": {"const": "https"},
                    "schema_version": {"const": contract.SCHEMA_VERSION},
                    "environment": {"enum": ["production", "development", "test", "ci", "staging", "other"]},
                    "install_created_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
                    "is_cloud": {"type": "boolean"},
                    "install_preset": {"enum": ["dev", "content", "research", "solo", "custom"]},
                },
                "additionalProperties": False,
            },
        },
        "oneOf": [
            {"properties": {"event": {"const": event.name}, "properties": _properties(event)}}
            for event in contract.events().values()
        ],
    }


def _schema(kind: Kind) -> dict[str, object]:
    return kind.schema() if kind.preset is None else {**kind.schema(), "description": _where(kind).strip(" ()")}


def _properties(event: Event) -> dict[str, object]:
    declared = {name: _schema(kind) for name, kind in event.properties.items()}
    version = {"type": "string", "pattern": contract.Version().schema()["pattern"]}
    common: dict[str, object] = {
        "version": version,
        "swarmVersion": version,
        **{name: kind.schema() for name, kind in (PRESET_KINDS | contract.tags()).items()},
    }
    return {"properties": {**common, **declared}, "additionalProperties": False}
