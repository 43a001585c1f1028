"""Where the store lives unless ``--db`` says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from otel_agent_telemetry.consent import default_state_dir

__all__ = ["default_store"]


def default_store() -> Path:
    """``AGENT_TELEMETRY_DB``, else ``traces.sqlite`` in the state directory."""
    named = os.environ.get("AGENT_TELEMETRY_DB")
    if named:
        return Path(named).expanduser()
    state = os.environ.get("AGENT_TELEMETRY_STATE_DIR")
    return Path(state).expanduser() / "traces.sqlite" if state else Path(default_state_dir(os.environ), "traces.sqlite")
