"""The operator's metrics in a real Prometheus: its rules, and each question that the dashboard asks."""

from __future__ import annotations

import json
import math
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.collector import fetch
from tests.collector.running import CONFIGURATIONS, wait_until
from tests.lifecycle.programs import allowed, start
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(180)]

PROMETHEUS = CONFIGURATIONS / "prometheus"
DASHBOARD = json.loads((CONFIGURATIONS / "grafana" / "agents.json").read_text(encoding="utf-8"))
PANELS = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in DASHBOARD["panels"]}


@pytest.mark.parametrize("command", [["check", "config", "prometheus.yml"], ["test", "rules", "rules.test.yml"]])
def test_promtool(command: list[str]) -> None:
    """The configuration is right, and the rules say what their tests expect."""
    promtool = fetch.prometheus() / "promtool"
    done = subprocess.run([promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


class Prometheus:
    """One, running with our configuration."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, question: str) -> list[dict[str, Any]]:
        """What an instant query gives; nothing while it is not up."""
        try:
            with urlopen(f"http://{self.address}/api/v1/query?{urlencode({'query': question})}", timeout=10) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return []

    def sum(self, question: str) -> float:
        """The sum of what a question gives."""
        return sum(float(one["value"][1]) for one in self.ask(question))


@contextmanager
def running(state: Path) -> Generator[Prometheus, None, None]:
    """A Prometheus that takes OTLP, with the configuration that people are given."""
    address = f"127.0.0.1:{reserved_port()}"
    arguments = [f"--config.file={PROMETHEUS / 'prometheus.yml'}", f"--storage.tsdb.path={state / 'prometheus'}"]
    arguments += [f"--web.listen-address={address}", "--web.enable-otlp-receiver"]
    with (state / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([fetch.prometheus() / "prometheus", *arguments], stderr=log)
        try:
            server = Prometheus(address)
            wait_until(lambda: server.ask("vector(1)"), "Prometheus")
            yield server
        finally:
            process.kill()
            process.wait()


PROGRAM = """
import sys, threading, time
import otel_agent_telemetry as telemetry
from opentelemetry import trace

telemetry.configure(version="2.3.0")
tracer = trace.get_tracer("some.client")
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

def call(model, error=None, **more):
    given = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
    given |= {name.replace("__", "."): value for name, value in more.items()}
    with tracer.start_as_current_span(f"chat {model}", attributes=given) as span:
        if error:
            span.set_attribute("error.type", error)
            span.set_status(trace.StatusCode.ERROR)

rounds = 0
while not ended.is_set():
    rounds += 1
    with telemetry.session(agent="planner"):
        with telemetry.task("answer", source="slack"):
            call("gpt-5-mini", gen_ai__usage__input_tokens=100, gen_ai__usage__output_tokens=20,
                 gen_ai__usage__cache_read__input_tokens=40, gen_ai__usage__cache_write__input_tokens=10,
                 gen_ai__usage__reasoning__output_tokens=5, gen_ai__response__time_to_first_chunk=0.25)
            call("ours", gen_ai__usage__input_tokens=10, gen_ai__usage__output_tokens=2)
            call("gpt-5-mini", "RateLimitError")
            with telemetry.tool("search"):
                pass
    for error in (ValueError, None):
        try:
            with telemetry.task("check"), tracer.start_as_current_span("run", attributes={
                    "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}):
                with telemetry.tool("read"):
                    if error:
                        raise error
        except ValueError:
            pass
    time.sleep(0.2)
print(rounds)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, int]]:
    """A Prometheus that a service has sent its metrics to, and in how many rounds it called its models and tools."""
    state = tmp_path_factory.mktemp("prometheus")
    with running(state) as server:
        variables = {
            **allowed(state),
            "OTEL_SERVICE_NAME": "acme-agents",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://{server.address}/api/v1/otlp/v1/metrics",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }
        with start(PROGRAM, variables=variables) as process:
            wait_until(lambda: server.sum("gen_ai_client_inference_duration_seconds_count") > 15, "metrics")
            time.sleep(2)  # rates need several samples, which come once a second
            output, complaints = process.communicate("", timeout=30)
        assert (process.returncode, complaints) == (0, "")
        yield server, int(output)


def test_the_sums_are_those_of_the_program(served: tuple[Prometheus, int]) -> None:
    """Each call, tool, run, task and session is counted once."""
    server, rounds = served
    right = {
        "gen_ai_client_inference_duration_seconds_count": 3,
        'gen_ai_client_inference_duration_seconds_count{error_type="rate_limit"}': 1,
        "gen_ai_client_inference_time_to_first_chunk_seconds_count": 1,
        "gen_ai_client_inference_usage_input_tokens_total": 110,
        "gen_ai_client_inference_usage_output_tokens_total": 22,
        "gen_ai_client_inference_usage_cache_read_input_tokens_total": 40,
        "gen_ai_client_inference_usage_cache_write_input_tokens_total": 10,
        "gen_ai_client_inference_usage_reasoning_output_tokens_total": 5,
        "agent_client_inference_calls_unpriced_total": 1,
        "gen_ai_execute_tool_duration_seconds_count": 3,
        'gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name="read",error_type="tool_error"}': 1,
        "gen_ai_invoke_agent_duration_seconds_count": 2,
        'agent_task_duration_seconds_count{agent_outcome="ok"}': 2,
        'agent_task_duration_seconds_count{agent_outcome="error"}': 1,
        'agent_task_duration_seconds_count{job="acme-agents"}': 3,
    }
    assert {question: server.sum(question) for question in right} == {
        question: number * rounds for question, number in right.items()
    }


VARIABLES = {"$service": ".*", "$model": ".*", "$__range": "5m", "$__rate_interval": "1m"}


@pytest.mark.parametrize(("title", "question"), [(title, each) for title, found in PANELS.items() for each in found])
def test_the_dashboard(served: tuple[Prometheus, int], title: str, question: str) -> None:
    """Each question of the dashboard has an answer, a number above zero among it."""
    for name, value in VARIABLES.items():
        question = question.replace(name, value)
    values = [float(one["value"][1]) for one in served[0].ask(question)]
    assert [value for value in values if value > 0 and math.isfinite(value)], (title, values)


def test_the_rules_are_loaded(served: tuple[Prometheus, int]) -> None:
    """Prometheus evaluates each of them without an error."""
    with urlopen(f"http://{served[0].address}/api/v1/rules", timeout=10) as answer:
        groups = json.load(answer)["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert (len(rules), {rule.get("lastError", "") for rule in rules}) == (17, {""})
