"""What two records of a coding agent say of one call or one session: the one that counts, and what it takes over."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from otel_agent_telemetry.meaning import _kinds as kinds
from otel_agent_telemetry.meaning._outcomes import CANCELLED
from otel_agent_telemetry.meaning.harnesses import _marks as marks_of
from otel_agent_telemetry.meaning.harnesses._marks import BEGUN, CALL, EXECUTION, LOG, SPAN, TOOL, USAGE
from otel_agent_telemetry.meaning.harnesses._scene import is_beside
from otel_agent_telemetry.semconv import OUTCOME_ERROR

if TYPE_CHECKING:
    from otel_agent_telemetry.meaning.harnesses._scene import Entry, Scene

__all__ = ["name_models", "settle_calls", "settle_metrics", "settle_printed", "settle_tools"]

_SPAN_BITS = 2**64 - 1
_COUNTED = (kinds.MODEL, kinds.TOOL, kinds.AGENT)


def settle_calls(scene: Scene) -> None:
    """Of each model call one record stays: a span, else a log record."""
    groups: dict[tuple[str, str | None], list[Entry]] = defaultdict(list)
    for call in scene.of(CALL):
        if call.said.kind == kinds.MODEL:
            groups[call.marks.harness, scene.session_of(call)].append(call)
    for (harness, _), calls in groups.items():
        told = [call for call in calls if call.marks.source == SPAN]
        logged = [call for call in calls if call.marks.source == LOG]
        if harness == marks_of.GEMINI:
            for call in told if logged else ():
                call.silence()
        else:
            _settle_logged(scene, told, logged)


def _settle_logged(scene: Scene, told: list[Entry], logged: list[Entry]) -> None:
    by_id = {call.said.response_id: call for call in told if call.said.response_id is not None}
    keys = {call.key for call in told}
    has_usage = any(call.said.has_usage for call in told)
    for call in logged:
        twin = by_id.get(call.said.response_id or "")
        if twin is not None and twin.said.cost_usd is None:
            twin.said.cost_usd = call.said.cost_usd
        is_told = call.said.response_id is None and call.said.has_usage and has_usage
        if twin is not None or is_told or scene.parents[call.key] in keys:
            call.silence()


def settle_tools(scene: Scene) -> None:
    """One tool's call of each id; what only a record that is left out knows goes to the one that stays."""
    tools = [tool for tool in scene.of(TOOL) if tool.said.kind == kinds.TOOL]
    beside = _beside(tools)
    first: dict[tuple[str, str], Entry] = {}
    for tool in sorted(tools, key=lambda tool: (tool.marks.source, tool.marks.finish == BEGUN, _rank(scene, tool))):
        known_as = (tool.marks.harness, tool.said.call_id or f"{tool.key:x}")
        around = scene.entries.get(scene.parents[tool.key])
        known = around if tool.marks.source == LOG and around is not None and around.marks.part == TOOL else None
        known = known or beside.get(tool.key) or first.setdefault(known_as, tool)
        if known is not tool and known.said.kind == kinds.TOOL:
            known.said.error = known.said.error or tool.said.error
            known.said.agent_name = known.said.agent_name or tool.said.agent_name
            if tool.marks.harness == marks_of.CODEX:
                known.said.name = tool.said.name or known.said.name
            tool.silence()
    for inside in scene.of(EXECUTION):
        around = scene.entries.get(scene.parents[inside.key])
        if around is not None and around.said.kind == kinds.TOOL and inside.marks.finish == "error":
            around.said.error = around.said.error or "tool_error"
    for tool in tools:
        if tool.said.error is not None:
            tool.said.outcome = CANCELLED if tool.said.error == CANCELLED else OUTCOME_ERROR


def _beside(tools: list[Entry]) -> dict[int, Entry]:
    """Of log records that name no call: the span of the same tool below the span that they were written in.

    Gemini CLI writes them in the span that is around those of the tools.
    """
    spans: dict[tuple[int, str | None], deque[Entry]] = defaultdict(deque)
    for tool in tools:
        if tool.marks.source == SPAN:
            spans[tool.said.parent_key & _SPAN_BITS, tool.said.name].append(tool)
    unnamed = (tool for tool in tools if tool.marks.source == LOG and tool.said.call_id is None)
    found: dict[int, Entry] = {}
    for tool in sorted(unnamed, key=lambda tool: tool.end_ns):
        same = spans.get((tool.said.parent_key & _SPAN_BITS, tool.said.name))
        if same and tool.said.parent_key:
            found[tool.key] = same.popleft()
    return found


def _rank(scene: Scene, tool: Entry) -> int:
    """A tool's span below the model's call that asked for it goes before another of the same call."""
    around = scene.entries.get(scene.parents[tool.key])
    return 0 if around is not None and around.marks.part == CALL else 1


def settle_printed(scene: Scene) -> None:
    """What a service read of a program's output stands back where the program's own telemetry tells of the session."""
    told = {scene.session_of(call) for call in scene.of(CALL) if call.said.kind == kinds.MODEL} - {None}
    for entry in scene.entries.values():
        if entry.is_printed and entry.said.kind in _COUNTED and scene.session_of(entry) in told:
            entry.silence()


def settle_metrics(scene: Scene) -> None:
    """Metrics tell of a session, or of a time, in which no call tells its tokens."""
    usages = scene.of(USAGE)
    if not usages:
        return
    calls = (entry for entry in scene.entries.values() if entry.marks.part == CALL or entry.is_printed)
    metered = [call for call in calls if call.said.kind in (kinds.MODEL, kinds.AGENT) and call.said.has_usage]
    for usage in usages:
        if any(_tells(call, usage, scene) for call in metered):
            usage.silence()


def _tells(call: Entry, usage: Entry, scene: Scene) -> bool:
    if call.marks.harness != usage.marks.harness and not call.is_printed:
        return False
    if usage.marks.session is not None:
        return scene.session_of(call) == usage.marks.session
    return is_beside(call, usage)


def name_models(scene: Scene) -> None:
    """A call that does not name its model has that of the record around it."""
    for call in scene.of(CALL):
        if call.said.kind == kinds.MODEL and call.said.model is None:
            call.said.asked = next((each.marks.model for each in scene.entries_above(call) if each.marks.model), None)
