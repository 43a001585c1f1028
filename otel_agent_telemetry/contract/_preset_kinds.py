"""What the preset ``agent-swarm`` adds to the properties of every event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_agent_telemetry.contract._kinds import Enum, Flag

if TYPE_CHECKING:
    from otel_agent_telemetry.contract._kinds import Kind

__all__ = ["PRESET_KINDS"]

PRESET_KINDS: dict[str, Kind] = {
    "install_method": Enum(("onboard_interactive", "onboard_noninteractive", "e2b", "manual")),
    "is_cloud": Flag(),
    "is_e2b": Flag(),
    "has_embedding_key": Flag(),
    "has_slack_channel": Flag(),
    "has_email_channel": Flag(),
    "has_notification_channel": Flag(),
}
