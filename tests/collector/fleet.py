"""What machines need to talk to each other: a certificate, a token, a redaction key; and an agent with its gateway."""

from __future__ import annotations

import json
import ssl
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

from tests.collector.running import Collector
from tests.network import reserved_port

SINK = Path(__file__).with_name("sink.yaml")


def trust(folder: Path) -> dict[str, str]:
    """Settings with a certificate of loopback's own, made in that folder."""
    key, certificate = folder / "tls.key", folder / "tls.crt"
    make = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make, *name, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return {
        "GATEWAY_CERT": str(certificate),
        "GATEWAY_KEY": str(key),
        "GATEWAY_CA": str(certificate),
        "GATEWAY_TOKEN": "a-token-of-the-fleet",
        "REDACTION_KEY": "a-key-for-hashing-of-32-characters-or-more",
    }


def pair(folder: Path, **agents: str) -> tuple[Collector, Collector]:
    """agent.yaml, with settings of its own, and the gateway that it sends to; neither of them is started."""
    settings = trust(folder)
    gateway = Collector(folder / "gateway", SINK, **settings)
    settings = {**settings, "GATEWAY_ENDPOINT": f"127.0.0.1:{gateway.grpc}", **agents}
    agent = Collector(folder / "agent", "agent.yaml", **settings)
    return agent, gateway


def send(collector: Collector, signal: str, body: bytes) -> None:
    """Send an OTLP JSON request as a client does; it must be accepted."""
    address = f"http://127.0.0.1:{collector.http}/v1/{signal}"
    with urlopen(Request(address, body, {"Content-Type": "application/json"}), timeout=10) as answer:
        assert answer.status == 200


def gateways(folder: Path, count: int, *configurations: str | Path, **more: str) -> list[Collector]:
    """That many instances of gateway.yaml that know each other, none of them started."""
    settings = trust(folder) | {
        "KAFKA_BROKERS": "[127.0.0.1:9]",
        "KAFKA_USERNAME": "otel",
        "KAFKA_PASSWORD": "unused",
        "CLICKHOUSE_ENDPOINT": "tcp://127.0.0.1:9",
        "CLICKHOUSE_PASSWORD": "unused",
        "SAMPLING_WAIT": "2s",
        "METRICS_INTERVAL": "1s",
        **more,
    }
    peers = [reserved_port() for _ in range(count)]
    return [
        Collector(
            folder / f"gateway-{number}",
            "gateway.yaml",
            *configurations,
            **settings,
            GATEWAY_PEERS=json.dumps([f"127.0.0.1:{port}" for port in peers]),
            GATEWAY_PEER_GRPC=f"127.0.0.1:{peer}",
        )
        for number, peer in enumerate(peers)
    ]


def send_safely(gateway: Collector, signal: str, body: bytes) -> None:
    """Send an OTLP JSON request over TLS and with the token; it must be accepted."""
    settings = gateway.settings
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {settings['GATEWAY_TOKEN']}"}
    trusted = ssl.create_default_context(cafile=settings["GATEWAY_CA"])
    address = f"https://127.0.0.1:{gateway.http}/v1/{signal}"
    with urlopen(Request(address, body, headers), timeout=10, context=trusted) as answer:
        assert answer.status == 200
