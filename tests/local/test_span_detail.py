"""Everything about a span, as the page asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.local.made import START, Made, agent, any_value, request, span_id, trace_id

if TYPE_CHECKING:
    from tests.local.serving import Serving


def log(service: str, said: str) -> bytes:
    """A log record of the first span, a millisecond after it began."""
    made = ExportLogsServiceRequest()
    of_resource = made.resource_logs.add()
    of_resource.resource.attributes.append(KeyValue(key="service.name", value=any_value(service)))
    record = of_resource.scope_logs.add().log_records.add(time_unix_nano=START + 10**6, severity_text="INFO")
    record.trace_id, record.span_id = bytes.fromhex(trace_id()), bytes.fromhex(span_id())
    record.body.string_value = said
    record.attributes.append(KeyValue(key="prompt", value=any_value(said)))
    return made.SerializeToString()


def detail(server: Serving, query: str = "") -> Any:
    """What the page gets of the first span."""
    return server.get(f"/api/traces/{trace_id()}/spans/{span_id()}{query}")


def test_a_log_record_of_a_service_is_shown(server: Serving) -> None:
    """With its severity, when it was, its text and its attributes."""
    server.post("/v1/traces", request(Made(attributes=agent())).SerializeToString())
    server.post("/v1/logs", log("shop", "hello"))
    shown = detail(server)
    assert shown["logs"] == [
        {"name": "", "severity": "INFO", "offset_ms": 1.0, "body": "hello", "attributes": {"prompt": "hello"}}
    ]
    assert shown["hidden"] == 0


def test_a_log_record_of_a_coding_agent_is_hidden_until_asked(server: Serving) -> None:
    """What it may hold of prompts is counted, and there only with content=true."""
    server.post("/v1/traces", request(Made(attributes=agent()), service="qwen-code").SerializeToString())
    server.post("/v1/logs", log("qwen-code", "secret"))
    bare, whole = detail(server), detail(server, "?content=true")
    assert [(each["body"], each["attributes"]) for each in bare["logs"]] == [(None, {})]
    assert [(each["body"], each["attributes"]) for each in whole["logs"]] == [("secret", {"prompt": "secret"})]
    assert (bare["hidden"] >= 2, whole["hidden"]) == (True, 0)


@pytest.mark.parametrize("span", ["", "zz", "ab" * 8, "ab" * 40])
def test_a_span_that_is_not_there(server: Serving, span: str) -> None:
    """The answer is 404, whatever stands for its id."""
    server.post("/v1/traces", request(Made()).SerializeToString())
    reply = server.send("GET", f"/api/traces/{trace_id()}/spans/{span or '-'}")
    assert (reply.status, "no span" in reply.json()["message"]) == (404, True)
