"""AWS Lambda functions under AWS's own runtime, which asks a runtime API on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.instrumentation.lambda_api import LambdaApi
from tests.instrumentation.program import Program, needs, tree

if TYPE_CHECKING:
    from pathlib import Path

needs("awslambdaric", "aws-lambda-powertools")

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def message(body: str, *, received: int = 1, **attributes: str) -> dict[str, Any]:
    """One record of SQS."""
    given = {name: {"stringValue": value, "dataType": "String"} for name, value in attributes.items()}
    return {
        "messageId": f"message-{body}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(received)},
        "messageAttributes": given,
        "eventSource": "aws:sqs",
    }


def invoke(program: Program, name: str, *events: dict[str, Any], module: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """What the runtime reports of each event that the function gets."""
    with LambdaApi(*events) as api:
        variables = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "agent"}
        program.run("env", *(f"{key}={value}" for key, value in variables.items()), *_python(program, module, name))
        return api.reported


def _python(program: Program, module: tuple[str, ...], name: str) -> tuple[str, ...]:
    return (program.python, "-m", *module, "awslambdaric", f"lambda_app.{name}")


def test_an_invocation_is_a_task(tmp_path: Path) -> None:
    """Its trace is the caller's where the event has one; nothing waits in a sandbox that is frozen or killed."""
    variables = {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with Program(home=tmp_path, variables=variables) as program:
        events: tuple[dict[str, Any], ...] = (
            {},
            {"headers": {"Traceparent": PARENT}},
            {"end": "fail"},
            {"plain": True, "end": "die"},
        )
        reported = invoke(program, "handler", *events)
        assert [kind for kind, _ in reported] == ["response", "response", "error"]
        assert reported[2][1]["errorType"] == "LookupError"
        assert [line.rpartition("/")[2].partition(",")[0] for line in reported[2][1]["stackTrace"]] == [
            'lambda_app.py"'
        ]
        done = "task agent ok\n  execute_tool work ok"
        failed = "task agent error\n  execute_tool work ok"
        assert tree(program.spans) == f"{done}\n{done}\n{failed}"
        assert [span.trace_id == TRACE for span in program.spans if span.name == "task agent"] == [False, True, False]
        assert [span.attributes["error.type"] for span in program.spans if span.is_error] == ["LookupError"]
        assert program.counted("tool") == {
            "task.created": 4,
            "task.started": 4,
            "task.completed": 2,
            "task.failed": 1,
        }


@pytest.mark.parametrize("kind", ["first", "async"])
def test_a_record_of_a_batch_is_a_task(tmp_path: Path, kind: str) -> None:
    """One that fails is delivered again, and so has not ended; one with a trace context belongs to who sent it."""
    with Program(home=tmp_path) as program:
        records = [message(kind), message("fail", received=2), message("sent", traceparent=PARENT)]
        [(how, told)] = invoke(program, "batch", {"Records": records})
        assert (how, told) == ("response", {"batchItemFailures": [{"itemIdentifier": "message-fail"}]})
        assert sorted(tree(program.spans).split("\n")) == [
            "  task agent ok",
            "  task agent retried",
            "task agent ok",
            "task agent ok",
        ]
        assert [span.trace_id for span in program.spans].count(TRACE) == 1
        assert program.counted() == {
            "task.created": 1,
            "task.started": 3,
            "task.claimed": 2,
            "task.completed": 3,
        }


def test_our_errors_stay_with_us(tmp_path: Path) -> None:
    """Where every call of ours raises, functions answer as they do without us."""
    with Program(home=tmp_path) as program:
        reported = invoke(program, "handler", {"plain": True}, {"plain": True, "end": "fail"}, module=("broken",))
        assert [kind for kind, _ in reported] == ["response", "error"]
        assert program.counted() == {}
