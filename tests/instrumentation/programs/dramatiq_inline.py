"""Dramatiq in one process, with a broker that exists before its instrumentation."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.stub import StubBroker

from otel_agent_instrumentation.queues.dramatiq import DramatiqInstrumentor

ours = DramatiqInstrumentor()
ours.uninstrument()
broker = StubBroker()
dramatiq.set_broker(broker)


def send(name: str) -> None:
    """Send a message to an actor of that name, and wait until it has been processed."""

    @dramatiq.actor(actor_name=name)
    def work() -> None:
        """End well."""

    work.send()
    broker.join("default")
    worker.join()


worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=1)
worker.start()
send("first")
ours.instrument()
send("second")
ours.uninstrument()
send("third")
ours.instrument()
send("fourth")
worker.stop()
