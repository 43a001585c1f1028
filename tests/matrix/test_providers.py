"""Clients of model providers, and what stands on one, each with a loop of the program's own, in one process each.

Most share the environment ``providers``. What each scenario leads to hangs below a span of its name. A loop of the
program's own is no agent to anybody, and the tools that it runs are nobody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.matrix.environments import made
from tests.matrix.model import serving
from tests.matrix.providers import Providers
from tests.matrix.run import PROGRAMS, SECRET, run_file, tree
from tests.meaning.test_privacy import disguised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.matrix.run import Run

pytestmark = pytest.mark.matrix

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SAID = b"Sunny in Lisbon"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


class Client(NamedTuple):
    """How a client's calls look.

    ``call`` is the name of a span, ``streamed`` that of a streamed one; ``errors`` what the program sees of a 429 and
    a 500; ``inside`` a span that each call has below it; ``cancelled`` how a cancelled call's span ends, and
    ``interrupt`` what the program sees then; ``shows`` whether anybody shows content where it is asked for.
    ``calls`` is how many it takes where all goes well, ``calls_of_error`` where a tool raises, and ``error`` what the
    program sees of that; ``said`` is what content has.
    """

    call: str
    errors: tuple[str, str]
    streamed: str = ""
    inside: str = ""
    cancelled: str = "error"
    interrupt: str = "TimeoutError"
    shows: bool = True
    calls: int = 2
    calls_of_error: int = 1
    error: str = "ConnectionError"
    said: bytes = SAID
    environment: str = "providers"


_INSTRUCTOR = "InstructorRetryException"

CLIENTS = {
    "bedrock": Client(f"chat {CLAUDE}", ("ClientError", "ClientError"), interrupt="KeyboardInterrupt"),
    "bedrock-invoke": Client(f"chat {CLAUDE[3:]}", ("ClientError", "ClientError"), interrupt="KeyboardInterrupt"),
    "cohere": Client(
        "AsyncClientV2.chat", ("TooManyRequestsError", "InternalServerError"), "AsyncClientV2.chat_stream"
    ),
    "groq": Client(
        "chat openai/gpt-oss-20b", ("RateLimitError", "InternalServerError"), cancelled="cancelled", shows=False
    ),
    "huggingface": Client(
        "chat Qwen/Qwen3-8B", ("HfHubHTTPError", "HfHubHTTPError"), cancelled="cancelled", shows=False
    ),
    "instructor": Client(  # it gives what a tool would be called with, and asks again where that is not valid
        "chat gpt-5-mini",
        (_INSTRUCTOR, _INSTRUCTOR),
        calls=1,
        calls_of_error=2,
        error=_INSTRUCTOR,
        said=b"Lisbon",
        environment="agents-openai-2",
    ),
    "langchain-aws": Client(
        f"chat {CLAUDE}",
        ("ClientError", "ClientError"),
        inside=f"chat {CLAUDE}",
        cancelled="cancelled",
        interrupt="KeyboardInterrupt",
    ),
    "mirascope": Client(  # the model is told what a tool raised
        "chat gpt-5-mini",
        ("RateLimitError", "ServerError"),
        calls_of_error=2,
        error="done",
        interrupt="KeyboardInterrupt",
        environment="agents-openai-2",
    ),
    "mistral": Client("MistralAsyncClient.chat", ("SDKError", "SDKError")),
    "ollama": Client("AsyncChat", ("ResponseError", "ResponseError")),
    "together": Client("AsyncCompletions", ("RateLimitError", "InternalServerError")),
    "vertex": Client(
        "AsyncGenerateContent",
        ("ClientError", "ServerError"),
        "AsyncGenerateContentStream",
        environment="google-genai",
    ),
    "vllm": Client("chat Qwen/Qwen3-8B", ("RateLimitError", "InternalServerError")),
}


def ask(name: str, model: Providers, home: Path, variables: dict[str, str] | None = None) -> Run:
    """Run a client's program."""
    file = PROGRAMS / f"with_{name.replace('-', '_')}.py"
    return run_file(made(CLIENTS[name].environment), file, model, home, variables=variables)


@pytest.fixture(scope="module")
def model() -> Iterator[Providers]:
    """A server that speaks the protocols of these providers."""
    with serving(Providers(slow_seconds=20)) as server:
        yield server


@pytest.fixture(scope="module")
def runs(model: Providers, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """What a client's program did; each runs once."""
    known: dict[str, Run] = {}

    def of(name: str) -> Run:
        if name not in known:
            known[name] = ask(name, model, tmp_path_factory.mktemp("run"))
        return known[name]

    return of


@pytest.mark.parametrize("name", CLIENTS)
def test_programs_end_as_they_would_without_us(runs: Callable[[str], Run], name: str) -> None:
    """Each scenario with its own end; the tool's error is the program's."""
    client = CLIENTS[name]
    ended = ["done", client.error, *client.errors, "done", "done", client.interrupt]
    assert runs(name).printed.split() == ended


@pytest.mark.parametrize("name", CLIENTS)
def test_the_operator_sees_each_call_once(runs: Callable[[str], Run], name: str) -> None:
    """With its outcome, below what the program did, also where HTTP clients have spans of their own."""
    client, spans = CLIENTS[name], runs(name).spans

    def calls(count: int, outcome: str = "ok", *, streamed: bool = False) -> list[str]:
        below = "error" if outcome == "cancelled" else outcome
        one = [f"{(client.streamed if streamed else '') or client.call} {outcome}"]
        return (one + ([f"  {client.inside} {below}"] if client.inside else [])) * count

    def seen(scenario: str) -> list[str]:
        trace_id = next(each.trace_id for each in spans if each.name == scenario)
        return tree(each for each in spans if each.trace_id == trace_id).split("\n")

    assert {scenario: seen(scenario) for scenario in ("ok", "tool error", "stream", "at once", "cancel")} == {
        "ok": calls(client.calls),
        "tool error": calls(client.calls_of_error),
        "stream": calls(client.calls, streamed=True),
        "at once": calls(2 * client.calls),
        "cancel": calls(1, client.cancelled),
    }
    assert [seen("rate limit"), seen("server error")] == [calls(1, "error")] * 2
    assert runs(name).requests == []


@pytest.mark.parametrize("name", CLIENTS)
def test_totals_are_as_served(runs: Callable[[str], Run], name: str) -> None:
    """Of whole replies and streams, whoever shows a call and however many do; a cancelled one is not answered."""
    run = runs(name)
    served = run.served
    assert run.totals == {"toolCalls": 0, "toolErrors": 0, **served, "modelErrors": served["modelErrors"] + 1}


@pytest.mark.parametrize("name", CLIENTS)
def test_nothing_private_leaves(runs: Callable[[str], Run], name: str) -> None:
    """What the program said and raised is in no event in any form; the operator sees it where he asked for it."""
    run = runs(name)
    written = str(run.events).lower()
    assert [form for form in disguised(SECRET) if form in written] == []
    assert (CLIENTS[name].said in run.bodies) is CLIENTS[name].shows


@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if client.environment == "providers"])
def test_content_is_left_out_unless_asked_for(name: str, model: Providers, tmp_path: Path) -> None:
    """Nothing that was said is in the operator's spans where the variable for content is not set."""
    quiet = ask(name, model, tmp_path, {CONTENT: ""})
    assert CLIENTS[name].said not in quiet.bodies
    assert f"weather, says {SECRET}".encode() not in quiet.bodies
