"""A service as people write it: FastAPI, and an agent of the OpenAI Agents SDK that calls a tool, so two model calls.

``service.py`` prints its port; ``/ask`` has the agent answer, ``/seconds`` says what processor time the process has
had. ``service.py upstream`` is the same by OpenTelemetry's own instrumentations, as their documents say. With
``batches`` its events go to a proxy that takes many in a request, which its product says in the code.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time

import uvicorn
from agents import Agent, Runner, function_tool, set_default_openai_client
from fastapi import FastAPI
from openai import AsyncOpenAI

app = FastAPI()


@function_tool
def get_weather(city: str) -> str:
    """What the weather is there."""
    return f"fair in {city}"


agent = Agent(name="forecaster", model="gpt-5-mini", tools=[get_weather])


@app.post("/ask")
async def ask() -> str:
    """Two model calls, and a tool between them."""
    return (await Runner.run(agent, "What is the weather?")).final_output


@app.get("/seconds")
async def seconds() -> float:
    """Processor time of all threads so far."""
    return time.process_time()


def observe() -> None:
    """Spans and metrics by OpenTelemetry's own instrumentations, sent by OTLP."""
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
    OpenAIAgentsInstrumentor().instrument()
    FastAPIInstrumentor.instrument_app(app)


if __name__ == "__main__":
    if sys.argv[1:] == ["upstream"]:
        observe()
    if sys.argv[1:] == ["batches"]:
        from otel_agent_telemetry import configure

        configure(product="bench", batch=100)
    logging.getLogger("openai.agents").setLevel(logging.CRITICAL)  # its vendor's own traces have nowhere to go, it says
    set_default_openai_client(AsyncOpenAI(api_key="none", base_url=os.environ["MODEL_URL"]), use_for_tracing=False)
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listening])
