"""The contract: the closed list of anonymous events and of what each may say.

A property has one of the kinds of this package and there is no kind for free text; what is not declared here, or by a
product through :func:`event`, cannot be sent. ``TELEMETRY.md``, the JSON Schema and the collector's allow-list are
generated from it.
"""

from otel_agent_telemetry.contract._contract import (
    SCHEMA_VERSION,
    VERSION,
    declared_tag,
    event,
    events,
    lookup,
    raise_version,
    tag,
    tags,
    version,
    withdraw,
)
from otel_agent_telemetry.contract._events import Event
from otel_agent_telemetry.contract._kinds import (
    ERROR_CATEGORIES,
    Count,
    Enum,
    ErrorCategory,
    Flag,
    Kind,
    ListOf,
    Milliseconds,
    PublicName,
    Ref,
    Tag,
    Usd,
    Version,
)

__all__ = [
    "ERROR_CATEGORIES",
    "SCHEMA_VERSION",
    "VERSION",
    "Count",
    "Enum",
    "ErrorCategory",
    "Event",
    "Flag",
    "Kind",
    "ListOf",
    "Milliseconds",
    "PublicName",
    "Ref",
    "Tag",
    "Usd",
    "Version",
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
