from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.collector.fleet import trust
from tests.collector.running import CONFIGURATIONS, Collector, binary

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.collector

SECRETS = {
    "GATEWAY_ENDPOINT": "gateway.internal:4317",
    "GATEWAY_PEERS": "[gateway.internal:4319]",
    "GATEWAY_TOKEN": "token",
    "REDACTION_KEY": "0123456789abcdef0123456789abcdef",
    "KAFKA_BROKERS": "[kafka.internal:9093]",
    "KAFKA_USERNAME": "otel",
    "KAFKA_PASSWORD": "password",
    "CLICKHOUSE_ENDPOINT": "https://clickhouse.internal:8443",
    "CLICKHOUSE_PASSWORD": "password",
}


def validate(name: str, settings: dict[str, str]) -> tuple[int, str]:
    """Exit code and output of the Collector's own check."""
    command = [binary(), "validate", f"--config={CONFIGURATIONS / name}"]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["local.yaml", "agent.yaml", "gateway.yaml", "event-proxy.yaml"])
def test_the_collector_accepts_it(name: str) -> None:
    """Each configuration is valid for the real binary, which has nothing to say about it."""
    assert validate(name, SECRETS) == (0, "")


@pytest.mark.parametrize("name", ["agent.yaml", "gateway.yaml"])
@pytest.mark.parametrize("secret", ["GATEWAY_TOKEN", "REDACTION_KEY"])
def test_a_missing_secret_is_refused(name: str, secret: str) -> None:
    """Without its token or its redaction key a configuration is not valid."""
    code, _ = validate(name, {key: value for key, value in SECRETS.items() if key != secret})
    assert code == 1


@pytest.mark.parametrize("name", ["local.yaml", "agent.yaml", "gateway.yaml", "event-proxy.yaml"])
def test_it_runs_without_a_warning_about_itself(name: str, tmp_path: Path) -> None:
    """A running Collector calls nothing in the configuration deprecated or ignored."""
    with Collector(tmp_path, name, **(SECRETS | trust(tmp_path))) as collector:
        pass
    words = ("deprecated", "will be removed", "unused", "ignored", "not set")
    assert [line for line in collector.log.lower().splitlines() if any(word in line for word in words)] == []
