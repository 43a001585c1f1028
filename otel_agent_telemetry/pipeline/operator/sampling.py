"""A sampler that lets the operator's sampling leave the events alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

__all__ = ["RecordAll"]


class RecordAll(Sampler):
    """What ``root`` drops is still recorded, so that processors see it, but not sampled, so that no exporter does.

    ``AlwaysRecordSampler`` of the SDK 1.40 and newer; this one works with older SDKs too (OpenTelemetry specification,
    trace SDK, "AlwaysRecord").
    """

    def __init__(self, root: Sampler) -> None:
        self._root = root

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The root's result, with RECORD_ONLY in place of DROP."""
        result = self._root.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is not Decision.DROP:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Names the root."""
        return f"RecordAll{{{self._root.get_description()}}}"
