"""Who sends: a random installation id, the day it was made, and the key that references are hashed with."""

from __future__ import annotations

from otel_agent_telemetry.identity._endpoint import installation_endpoint
from otel_agent_telemetry.identity._file_store import FileStore
from otel_agent_telemetry.identity._http_store import HTTPStore
from otel_agent_telemetry.identity._identity import Identity, resolve
from otel_agent_telemetry.identity._sql_store import SQLStore
from otel_agent_telemetry.identity._store import (
    INSTALLATION_ID_KEY,
    INSTALLED_AT_KEY,
    REFERENCE_KEY_KEY,
    STORED_KEYS,
    Store,
)

__all__ = [
    "INSTALLATION_ID_KEY",
    "INSTALLED_AT_KEY",
    "REFERENCE_KEY_KEY",
    "STORED_KEYS",
    "FileStore",
    "HTTPStore",
    "Identity",
    "SQLStore",
    "Store",
    "installation_endpoint",
    "resolve",
]
