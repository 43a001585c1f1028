"""A Lambda function without Powertools, and one that takes a batch with them."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from typing import Any

import otel_agent_telemetry as telemetry


def handler(event: dict[str, Any], context: Any) -> str:
    """End as the event says."""
    assert context.aws_request_id
    if "plain" not in event:
        with telemetry.tool("work"):
            pass
    if event.get("end") == "fail":
        raise LookupError
    if event.get("end") == "die":
        telemetry.flush(5, send=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def take(record: Any) -> None:
    """Take one record."""
    if record.body == "fail":
        raise LookupError


async def take_async(record: Any) -> None:
    """Take one record in a loop."""
    take(record)


def batch(event: Any, context: Any) -> Any:
    """Take a batch of messages, in the way that the first says."""
    powertools: Any = import_module("aws_lambda_powertools.utilities.batch")
    sqs = powertools.EventType.SQS
    if event["Records"][0]["body"] == "async":
        processor = powertools.AsyncBatchProcessor(sqs)
        return powertools.async_process_partial_response(event, take_async, processor, context)
    return powertools.process_partial_response(event, take, powertools.BatchProcessor(sqs), context)
