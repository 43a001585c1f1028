"""What a privacy notice has to say of the events, from the contract: a product's own events and tags included."""

from __future__ import annotations

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract._kinds import ListOf, PublicName, Ref

__all__ = ["privacy_notice"]

_HEAD = """\
## Anonymous usage events

<Product> sends <maintainers> anonymous events about its own use. They are built from the fields listed below and from
nothing else. They contain no prompt, no answer, no argument or result of a tool, no error message, no path, no
address and no name of a person, a machine or an account.

**What an event says**
"""
_TAIL = r"""
\* a keyed hash of an identifier; the key never leaves the installation. † a public name, or `custom`.

Every event also has a random id that was created when the product was first used, the day on which that happened, the
product's version, and the time to the second.

**What we use them for.** To count installations, to see whether releases work, and to decide what to fix. No row of our
reports covers fewer than <five> installations.

**What we keep.** Events, for <13 months>. No address, no header of a request, and only the hour of arrival.

**What could be joined.** Events of one installation share its id. Anyone with another exact record of the same calls,
such as the log of a model provider, could match an event to a call by its token counts<; we round numbers>.

**How to see and stop them.** `agent-telemetry events` prints each event byte for byte. `agent-telemetry off`,
`DO_NOT_TRACK=1` or `ANONYMIZED_TELEMETRY=false` stops them. `agent-telemetry forget --ask-maintainers` deletes what
came from an installation, both on our side and on yours.

**Whom to ask.** <contact>
"""


def privacy_notice() -> str:
    """Markdown with <gaps> for what only the maintainers know."""
    return (
        _HEAD
        + "".join(f"\n- `{event.name}`: {_said(event.name)}" for event in contract.events().values())
        + "\n"
        + _TAIL
    )


def _said(name: str) -> str:
    event = contract.events()[name]
    fields = [f"{field}{_suffix(kind)}" for field, kind in {**event.properties, **contract.tags()}.items()]
    return f"{event.fires or 'when the product says so'}. Fields: {', '.join(fields) or 'none'}."


def _suffix(kind: contract.Kind) -> str:
    """What a reader could worry about."""
    inner = kind.item if isinstance(kind, ListOf) else kind
    if isinstance(inner, Ref):
        return "\\*"
    return "†" if isinstance(inner, PublicName) else ""
