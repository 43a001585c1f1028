// A Node service: one agent run with a model call in it, sent as OTLP over HTTP in JSON. Prints the trace id.
import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

const provider = new NodeTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: process.argv[2] }))],
});
provider.register();
const tracer = trace.getTracer("node-client");
await tracer.startActiveSpan("invoke_agent", { attributes: { "gen_ai.operation.name": "invoke_agent" } }, async (run) => {
  const call = tracer.startSpan("chat gpt-4o", {
    attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 120 },
  });
  call.end();
  run.end();
  console.log(run.spanContext().traceId);
});
await provider.shutdown();
