"""Spans made of what a coding agent says in log records and metrics: ids that follow from it, fields that are known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_agent_telemetry import semconv
from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._records import SpanRecord
from otel_agent_telemetry.meaning._said import Said, read
from otel_agent_telemetry.meaning.harnesses._marks import GEMINI, LOG, PART, PRINTED, ROOT, USAGE, Marks
from otel_agent_telemetry.meaning.harnesses._words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FOLLOW_UP",
    "MADE",
    "Made",
    "home",
    "is_main",
    "mark_printed",
    "marked",
    "process_of",
    "read_as",
    "run_of",
    "span_id_of",
    "trace_id_of",
]

MADE = "otel_agent_telemetry.made"
"""Name of the scope of a span that was made: what it says stands in a log record or a metric, which is kept too."""
FOLLOW_UP = "/automatic/"
"""In the id of a prompt of Qwen Code: what comes before it is the user's prompt that it follows from."""
_KEY = b"coding agent"


def trace_id_of(*parts: object) -> int:
    """The id of the trace that what these parts name belongs to, the same in every process."""
    return int.from_bytes(_digest(16, parts), "big") or 1


def span_id_of(*parts: object) -> int:
    """The id of the span that what these parts name is made into."""
    return int.from_bytes(_digest(8, parts), "big") or 1


def home(harness: str, session: str, prompt: str | None, process: str) -> tuple[object, ...]:
    """What a prompt is known by where no trace id tells; Gemini CLI gives one that is alone its session's id."""
    if harness == GEMINI and not is_main(session, prompt):
        prompt = session
    return harness, session, prompt or "", process


def is_main(session: str, prompt: str | None) -> bool:
    """Whether a prompt of Gemini CLI is the user's: the subagents' begin with the agent's id instead."""
    return prompt is not None and prompt.startswith(session)


def process_of(resource: Mapping[str, object]) -> str:
    """What tells one process from another with the same session, where a resource says it."""
    return str(resource.get("service.instance.id") or resource.get("process.pid") or "")


def run_of(marks: Marks, known_as: tuple[object, ...], trace_id: int, start_ns: int, *name: object) -> Made:
    """The run of a prompt of which there is no span, or none yet; one that two records tell of is one."""
    return Made(
        trace_id or trace_id_of(*known_as),
        span_id_of(*known_as, ROOT, *name),
        0,
        f"{marks.harness} prompt",
        start_ns,
        0,
        marks._replace(part=ROOT, source=max(marks.source, LOG), agent=None, finish=None, is_loose=not trace_id),
        {
            semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_INVOKE_AGENT,
            semconv.GEN_AI_AGENT_NAME: marks.harness,
            **({semconv.GEN_AI_CONVERSATION_ID: marks.session} if marks.session else {}),
        },
    )


def _digest(size: int, parts: tuple[object, ...]) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=size, key=_KEY).digest()


@dataclass(frozen=True, slots=True)
class Made:
    """A span that was made; ids are integers, ``end_ns`` 0 for a run that nobody told the end of."""

    trace_id: int
    span_id: int
    parent_id: int
    name: str
    start_ns: int
    end_ns: int
    marks: Marks
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])
    is_error: bool = False

    @property
    def home(self) -> bytes:
        """The id of its trace as OTLP has it."""
        return self.trace_id.to_bytes(16, "big")

    def said(self, trace_id: int = 0, end_ns: int = 0) -> Said:
        """What it says, in its own trace or in the one given, at its own end or at the one given."""
        end_ns = max(self.end_ns or end_ns, self.start_ns)
        record = SpanRecord(
            *(trace_id or self.trace_id, self.span_id, self.parent_id, MADE, self.attributes),
            *(self.start_ns, end_ns, self.is_error),
        )
        said = read(record) or Said(record, kinds.OTHER)
        if self.marks.part == USAGE:
            said.kind = kinds.USAGE
        return marked(said, self.marks)

    def span(self) -> Span:
        """The span as OTLP has it."""
        made = Span(
            trace_id=self.trace_id.to_bytes(16, "big"),
            span_id=self.span_id.to_bytes(8, "big"),
            parent_span_id=self.parent_id.to_bytes(8, "big") if self.parent_id else b"",
            name=self.name,
            start_time_unix_nano=self.start_ns,
            end_time_unix_nano=self.end_ns,
        )
        for key, value in self.attributes.items():
            pair = made.attributes.add(key=key)
            if isinstance(value, bool):
                pair.value.bool_value = value
            elif isinstance(value, int):
                pair.value.int_value = value
            elif isinstance(value, float):
                pair.value.double_value = value
            else:
                pair.value.string_value = str(value)
        if self.is_error:
            made.status.code = 2  # pyright: ignore[reportAttributeAccessIssue] - STATUS_CODE_ERROR
        return made

    def beside(self, **fields: object) -> Made:
        """The same with other fields."""
        return replace(self, **fields)


def mark_printed(said: Said | None) -> Said | None:
    """A span of ours that was made of what a coding agent printed: its own telemetry counts where it is there too."""
    if said is not None and said.is_own and semconv.AGENT_HARNESS_READ_FROM in said.attributes:
        said.marks = Marks("", PRINTED, PART, said.conversation, error=said.error)
    return said


def marked(said: Said, marks: Marks) -> Said:
    """What a record says, with its marks; those keep what was first read of error and name."""
    said.marks = marks._replace(error=said.error, name=said.name if said.kind != kinds.OTHER else marks.name)
    if marks.session is not None:
        said.conversation = marks.session
    return said


def read_as(record: SpanRecord, marks: Marks, **words: object) -> Said:
    """Read a span by the given words of the conventions beside its own, and mark it."""
    given = {WORDS[word]: value for word, value in words.items() if value is not None}
    attributes = {**record.attributes, **given}
    renamed = record._replace(attributes=attributes)
    return marked(read(renamed) or Said(renamed, kinds.OTHER), marks)
