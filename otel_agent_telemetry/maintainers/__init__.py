"""The maintainers' side: a proxy that receives anonymous events, the book that keeps them, and the report on it.

Knows nothing of the pipeline that sends: what both agree on is the contract.
"""

from otel_agent_telemetry.maintainers.answers._figures import figure
from otel_agent_telemetry.maintainers.answers._page import page
from otel_agent_telemetry.maintainers.answers._reading import report
from otel_agent_telemetry.maintainers.answers._report import Answer, Asked, Report

__all__ = ["Answer", "Asked", "Report", "figure", "page", "report"]
