"""One run of a framework's program under ``agent-telemetry run``, and what came of it."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.instrumentation.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from examples.scripted_model import HandedOut
    from tests.instrumentation.program import Span
    from tests.matrix.environments import Environment
    from tests.matrix.model import EveryProvider

PROGRAMS = Path(__file__).parent / "programs"
SECRET = "canary-4711"  # noqa: S105 - what programs/story.py plants
_PLANTED = re.compile("canary.4711.")  # where names take no dashes, programs put something else
_SAME_PROGRAM = {
    "google-adk-genai": "google-adk",
    "langgraph-plain": "langgraph",
    "openai-agents-plain": "openai-agents",
}
"""An environment that has other instrumentations beside a framework -> the one whose program it runs."""

_DIALECTS = (
    "agent.lifecycle",
    "gen_ai.operation.name",
    "llm.request.type",
    "openinference.span.kind",
    "traceloop.span.kind",
)
_SUMMED = {
    "modelCalls": "modelCalls",
    "modelErrors": "modelErrors",
    "inputTokens": "inputTokens",
    "outputTokens": "outputTokens",
    "cacheReadTokens": "cacheReadTokens",
    "cacheWriteTokens": "cacheWriteTokens",
    "reasoningOutputTokens": "reasoningTokens",
}
_SERVED = {
    "modelCalls": "requests",
    "modelErrors": "errors",
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadTokens": "cached_tokens",
    "cacheWriteTokens": "cache_write_tokens",
    "reasoningTokens": "reasoning_tokens",
}


_HTTP = frozenset(f"opentelemetry.instrumentation.{name}" for name in ("aiohttp_client", "httpx", "urllib3"))


@dataclass(frozen=True)
class Run:
    """What a program printed, what the operator's collector and the ledger got, and what the model server gave out."""

    printed: str
    spans: list[Span]
    bodies: bytes
    events: list[dict[str, Any]]
    handed_out: HandedOut

    @property
    def tree(self) -> str:
        """The spans that belong to a GenAI dialect or are ours, as an indented list of names and outcomes.

        MCP's handshakes and lists of tools are none of them.
        """
        return tree(self.spans)

    @property
    def requests(self) -> list[str]:
        """The spans of HTTP clients, below a span each: the name of that and theirs."""
        names = {span.id: span.name for span in self.spans}
        return [f"{names.get(span.parent_id, '')}: {span.name}" for span in self.spans if span.scope in _HTTP]

    @property
    def counted(self) -> dict[str, int]:
        """How many events there are of each name."""
        return dict(Counter(event["event"] for event in self.events))

    @property
    def totals(self) -> dict[str, int]:
        """What the events add up to; calls are those that succeeded."""
        sums = dict.fromkeys(("toolCalls", "toolErrors", *_SUMMED.values()), 0)
        for event in self.events:
            properties = event["properties"]
            if event["event"] == "tool.called":
                sums["toolCalls" if properties["isSuccess"] else "toolErrors"] += 1
            elif event["event"] == "token.usage":
                for name, total in _SUMMED.items():
                    sums[total] += properties.get(name, 0)
        return sums

    @property
    def served(self) -> dict[str, int]:
        """The same of what the model server gave out."""
        given = asdict(self.handed_out)
        return {total: given[name] for total, name in _SERVED.items()}

    @property
    def sessions(self) -> list[str]:
        """The references of the sessions that were started, in order."""
        return [event["properties"]["sessionId"] for event in self.events if event["event"] == "session.started"]


def tree(spans: Iterable[Span]) -> str:
    """See :attr:`Run.tree`; what hangs below other spans moves up, and the planted word is left out of names."""
    every = {span.id: span for span in spans}
    shown = [span for span in every.values() if any(name in span.attributes for name in _DIALECTS)]

    def parent(span: Span) -> str:
        above = every.get(span.parent_id)
        while above is not None and above not in shown:
            above = every.get(above.parent_id)
        return "" if above is None else above.id

    def lines(above: str, depth: int) -> list[str]:
        found: list[str] = []
        for span in (span for span in shown if parent(span) == above):
            name = _PLANTED.sub("", span.name)
            found += [f"{'  ' * depth}{name} {span.outcome}", *lines(span.id, depth + 1)]
        return found

    return "\n".join(lines("", 0))


def variables_for(environment: Environment, model: EveryProvider) -> dict[str, str]:
    """What every program is told: where its models are, and that the operator wants to see content."""
    return {
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": model.root,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.root,
        "AWS_SECRET_ACCESS_KEY": "none",
        "BROWSER_USE_BASE_URL": f"{model.root}/browser-use/v1",
        "BROWSER_USE_SETUP_LOGGING": "false",
        "BROWSER_USE_VERSION_CHECK": "false",
        "CO_API_URL": f"{model.root}/cohere",
        "CREWAI_DISABLE_TELEMETRY": "true",  # to its vendor: a test stays on this machine
        "CREWAI_TRACING_ENABLED": "false",
        "GEMINI_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": model.root,
        "GOOGLE_VERTEX_BASE_URL": model.root,
        "GROQ_API_KEY": "none",
        "GROQ_BASE_URL": f"{model.root}/groq",
        "HUGGINGFACE_BASE_URL": f"{model.root}/huggingface/v1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices
        "MEM0_TELEMETRY": "False",  # to its vendor, as above
        "MISTRAL_BASE_URL": f"{model.root}/mistral",
        "OLLAMA_HOST": f"{model.root}/ollama",
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model.url,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "",
        "STORY_MODEL": model.root,
        "TOGETHER_API_KEY": "none",
        "TOGETHER_BASE_URL": f"{model.root}/together/v1",
        "VLLM_BASE_URL": f"{model.root}/vllm/v1",
        "PATH": os.pathsep.join([str(environment.python.parent), os.environ["PATH"]]),
    }


def run(
    environment: Environment,
    scenario: str,
    model: EveryProvider,
    home: Path,
    variables: Mapping[str, str] | None = None,
) -> Run:
    """Run the framework's program once, with ``variables`` in the place of what every program is told."""
    framework = environment.used_by or environment.name
    name = _SAME_PROGRAM.get(framework, framework)
    file = PROGRAMS / f"with_{name.replace('-', '_')}.py"
    return run_file(environment, file, model, home, scenario, variables=variables)


def run_file(
    environment: Environment,
    file: Path,
    model: EveryProvider,
    home: Path,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
) -> Run:
    """The same of any program, which ends well."""
    model.script.reset()
    told = {**variables_for(environment, model), **(variables or {})}
    with Program(home=home, python=str(environment.python), programs=PROGRAMS, variables=told) as program:
        assert program.run(str(file), *arguments, timeout=100) == 0, program.printed()
        bodies = b"".join(each.body for each in program.receiver.requests)
        return Run(program.printed(), program.spans, bodies, program.events, model.script.handed_out)
