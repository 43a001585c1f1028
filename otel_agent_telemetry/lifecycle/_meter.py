"""Token usage and duration of model calls as metrics of the operator, on the OpenTelemetry API only.

Names, units and bucket boundaries: OpenTelemetry semantic conventions for GenAI metrics 1.41.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import metrics

from otel_agent_telemetry import semconv as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.util.types import AttributeValue

__all__ = ["DURATION_BUCKETS", "TOKEN_BUCKETS", "UsageMeter"]

TOKEN_BUCKETS = tuple(4**power for power in range(14))
DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(14))

_ABOUT = (
    names.GEN_AI_OPERATION_NAME,
    names.GEN_AI_PROVIDER_NAME,
    names.GEN_AI_REQUEST_MODEL,
    names.GEN_AI_RESPONSE_MODEL,
    names.ERROR_TYPE,
)
_TOKEN_TYPES = ((names.GEN_AI_USAGE_INPUT_TOKENS, "input"), (names.GEN_AI_USAGE_OUTPUT_TOKENS, "output"))


class UsageMeter:
    """The two instruments of model calls: ``gen_ai.client.token.usage`` and ``gen_ai.client.operation.duration``."""

    def __init__(self, provider: MeterProvider | None = None) -> None:
        meter = metrics.get_meter("otel_agent_telemetry", meter_provider=provider)
        self._tokens = meter.create_histogram(
            names.METRIC_TOKEN_USAGE,
            unit="{token}",
            description="Number of input and output tokens used",
            explicit_bucket_boundaries_advisory=TOKEN_BUCKETS,
        )
        self._duration = meter.create_histogram(
            names.METRIC_OPERATION_DURATION,
            unit="s",
            description="GenAI operation duration",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    def record(self, call: Mapping[str, AttributeValue], seconds: float) -> None:
        """Record one model call from its span's attributes; a call without usage gives only its duration."""
        about = {key: call[key] for key in _ABOUT if key in call}
        self._duration.record(seconds, about)
        about = {key: value for key, value in about.items() if key != names.ERROR_TYPE}  # older SDKs keep the first
        for attribute, token_type in _TOKEN_TYPES:
            tokens = call.get(attribute)
            if isinstance(tokens, int):
                self._tokens.record(tokens, {**about, names.GEN_AI_TOKEN_TYPE: token_type})
