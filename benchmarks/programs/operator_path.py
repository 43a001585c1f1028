"""``operator_path.py ours|sdk URL COUNT``: processor time, in us, of each span to a collector, all threads."""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Measure one of them; ours has events off, as an operator may have."""
    name, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{url}/v1/traces"
    from opentelemetry import trace

    if name == "ours":
        import otel_agent_telemetry as telemetry

        os.environ["DO_NOT_TRACK"] = "1"
        telemetry.configure(product="bench")
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    tracer, provider = trace.get_tracer("bench"), trace.get_tracer_provider()
    began = 0.0
    for number in range(count + 500):
        if number == 500:
            began = time.process_time()
        with tracer.start_as_current_span("GET", attributes={"http.request.method": "GET", "url.path": "/orders"}):
            pass
        if number % 500 == 499:
            provider.force_flush()
    print(json.dumps({"us": (time.process_time() - began) / count * 1e6}))


if __name__ == "__main__":
    main()
