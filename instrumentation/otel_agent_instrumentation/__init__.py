"""What agent services do that no other instrumentation tells, one module a framework.

Each module holds one ``BaseInstrumentor``, named by the entry points ``agent_<framework>`` of the group
``opentelemetry_instrumentor``, so that ``agent-telemetry run`` and ``opentelemetry-instrument`` find it. A framework is
hooked when the program imports it, never before, and only through public names of ``otel_agent_telemetry``.
"""
