from __future__ import annotations

import importlib
import os
import socket
import subprocess
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.collector import fetch
from tests.collector.fleet import gateways, send_safely, trust
from tests.collector.made import model_call, request, trace_id
from tests.collector.running import wait_until
from tests.network import reserved_port
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

try:  # no types, and not in every environment
    Consumer: Any = importlib.import_module("confluent_kafka").Consumer
    AdminClient: Any = importlib.import_module("confluent_kafka.admin").AdminClient
    NewTopic: Any = importlib.import_module("confluent_kafka.cimpl").NewTopic
except ImportError:
    absent("kafka client", "pip install confluent-kafka")

Messages = tuple[dict[str, dict[str, Any]], dict[str, list[tuple[int, bytes]]]]

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

TOPICS = ("otlp_spans", "otlp_metrics")
PARTITIONS = 4
TRACES = 25


class Broker:
    """An Apache Kafka broker on loopback, with TLS and a user; ``settings`` are those of gateway.yaml for it."""

    def __init__(self, folder: Path) -> None:
        self.port, self._controller, self._internal = (reserved_port() for _ in range(3))
        self._folder = folder
        trusted = trust(folder)
        pem = folder / "broker.pem"
        pem.write_bytes(Path(trusted["GATEWAY_KEY"]).read_bytes() + Path(trusted["GATEWAY_CERT"]).read_bytes())
        self._properties = folder / "server.properties"
        self._properties.write_text(self._configuration(pem), encoding="utf-8")
        self.settings = {
            "KAFKA_BROKERS": f"[127.0.0.1:{self.port}]",
            "KAFKA_CA": trusted["GATEWAY_CERT"],
            "KAFKA_USERNAME": "otel",
            "KAFKA_PASSWORD": "a-password",
        }
        self.client: dict[str, str | int | float | bool] = {
            "bootstrap.servers": f"127.0.0.1:{self.port}",
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": trusted["GATEWAY_CERT"],
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "otel",
            "sasl.password": "a-password",
        }

    def _configuration(self, pem: Path) -> str:
        return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self._controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
listeners=CLIENTS://127.0.0.1:{self.port},INTERNAL://127.0.0.1:{self._internal},CONTROLLER://127.0.0.1:{self._controller}
listener.security.protocol.map=CLIENTS:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={pem}
log.dirs={self._folder / "log"}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""

    def __enter__(self) -> Self:
        user = "SCRAM-SHA-512=[name=otel,password=a-password]"
        identity = uuid.uuid4().hex[:22]
        self._java(
            "kafka.tools.StorageTool", "format", "-t", identity, "-c", self._properties, "--add-scram", user
        ).wait(60)
        self._process = self._java("kafka.Kafka", self._properties)
        try:
            wait_until(self._listens, "the broker", 60)
            admin = AdminClient(self.client)
            topics = [NewTopic(name, PARTITIONS, 1) for name in TOPICS]
            for made in admin.create_topics(topics).values():
                made.result(30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _java(self, *arguments: object) -> subprocess.Popen[bytes]:
        command = ["java", "-Xmx512m", "-cp", f"{fetch.kafka()}/*", *map(str, arguments)]
        with (self._folder / "broker.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ), cwd=self._folder)

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            pytest.fail((self._folder / "broker.log").read_text(encoding="utf-8")[-3000:])
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One running broker."""
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="module")
def messages(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Messages:
    """Spans sent through gateway.yaml, and the messages on each topic with their partitions."""
    sent = [model_call(name) for name in (trace_id() for _ in range(TRACES)) for _ in range(4)]
    [gateway] = gateways(tmp_path_factory.mktemp("gateway"), 1, SAMPLING_PERCENT="100", **broker.settings)
    found: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    consumer = Consumer({**broker.client, "group.id": "tests", "auto.offset.reset": "earliest"})
    consumer.subscribe([*TOPICS])

    def has_all() -> bool:
        for message in consumer.consume(100, timeout=0.5):
            assert message.error() is None
            found[message.topic() or ""].append((message.partition() or 0, message.value() or b""))
        return len(spans_of(found["otlp_spans"])) >= len(sent) and token_total(found["otlp_metrics"]) >= 100 * len(sent)

    with gateway:
        for start in range(0, len(sent), 10):
            send_safely(gateway, "traces", request(*sent[start : start + 10]))
        wait_until(has_all, "all messages", 60)
    consumer.close()
    return {span["spanId"]: span for span in sent}, found


def spans_of(found: list[tuple[int, bytes]]) -> dict[str, tuple[int, Any]]:
    """Partition and span by span id, of messages that hold OTLP protobuf."""
    return {
        span.span_id.hex(): (partition, span)
        for partition, body in found
        for resource in TracesData.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def token_total(found: list[tuple[int, bytes]]) -> int:
    """The input tokens that the messages count."""
    return sum(
        point.as_int
        for _, body in found
        for resource in MetricsData.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "agent.tokens.input"
        for point in metric.sum.data_points
    )


def test_a_broker_has_the_very_spans(messages: Messages) -> None:
    """What the messages decode to is what was sent: ids, times, attributes."""
    sent, found = messages
    arrived = {
        span_id: {
            "traceId": span.trace_id.hex(),
            "times": (str(span.start_time_unix_nano), str(span.end_time_unix_nano)),
            "attributes": {pair.key: pair.value.int_value or pair.value.string_value for pair in span.attributes},
        }
        for span_id, (_, span) in spans_of(found["otlp_spans"]).items()
    }
    assert arrived == {
        span_id: {
            "traceId": span["traceId"],
            "times": (span["startTimeUnixNano"], span["endTimeUnixNano"]),
            "attributes": {
                pair["key"]: int(pair["value"].get("intValue", 0)) or pair["value"]["stringValue"]
                for pair in span["attributes"]
            },
        }
        for span_id, span in sent.items()
    }


def test_a_trace_stays_in_one_partition(messages: Messages) -> None:
    """All spans of a trace are in one partition, and the traces are spread over several."""
    _, found = messages
    partitions: dict[bytes, set[int]] = defaultdict(set)
    for partition, span in spans_of(found["otlp_spans"]).values():
        partitions[span.trace_id].add(partition)
    assert [places for places in partitions.values() if len(places) != 1] == []
    assert len({place for places in partitions.values() for place in places}) > 1


def test_a_broker_has_the_token_sums(messages: Messages) -> None:
    """The sums on the topic for metrics are the tokens that were sent."""
    sent, found = messages
    assert token_total(found["otlp_metrics"]) == 100 * len(sent)
