"""Coding agents that are known by name: how each is recognised, switched on, and what it leaves unsaid.

Measured with the versions that ``tests/harnesses`` pins, against a scripted model server. ``{endpoint}`` in a value is
where telemetry goes, ``{protocol}`` is ``http`` or ``grpc``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HARNESSES", "Known"]

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_STANDARD = {ENDPOINT: "{endpoint}", "OTEL_EXPORTER_OTLP_PROTOCOL": "{otlp}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One of them.

    ``name`` is its command and its name in the contract (``harnessProvider``), ``agent`` what its agent is called in
    traces, ``packages`` the npm packages that bring it. ``switches`` are variables that are set unless the user set
    them; ``own`` are prefixes of variables and ``files`` keys of settings files by which the user chose for himself, in
    which case none is. ``no`` are values of a variable that mean that telemetry is not wanted.

    ``opens`` are the words of which one must follow where other programs have the same name.
    ``prints`` are the arguments that make it print JSON lines: each an option and the values of it, none for a flag.
    ``ends_well_on`` are signals after which its exit code is 0 although the run was cancelled; where ``outlives`` is
    true, its program may go on when its loader has ended. ``tells`` is content that comes along unasked, ``silent``
    why nothing comes at all.
    """

    name: str
    agent: str
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    by_package_only: bool = False
    opens: tuple[str, ...] = ()
    switches: Mapping[str, str] = field(default_factory=dict[str, str])
    flags: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    no: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    prints: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    ends_well_on: tuple[str, ...] = ()
    outlives: bool = False
    tells: str = ""
    silent: str = ""


_OFF = ("0", "false", "no", "off")
_CODEX_EXPORTERS = (("otel.exporter", "logs"), ("otel.trace_exporter", "traces"), ("otel.metrics_exporter", "metrics"))
_GOOSE_SYSTEMS = ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64")

_ROWS = (
    Known(
        # https://docs.claude.com/en/docs/claude-code/monitoring-usage; spans and their switch: the program itself
        name="claude",
        agent="claude-code",
        packages=("@anthropic-ai/claude-code",),
        switches={
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
            "CLAUDE_CODE_PROPAGATE_TRACEPARENT": "1",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_TRACES_EXPORTER": "otlp",
            **_STANDARD,
            "OTEL_LOGS_EXPORT_INTERVAL": "1000",
            "OTEL_TRACES_EXPORT_INTERVAL": "1000",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        },
        no={"CLAUDE_CODE_ENABLE_TELEMETRY": _OFF},
        prints=((("--output-format",), ("stream-json", "json")),),
        ends_well_on=("SIGINT",),
    ),
    Known(
        # https://github.com/openai/codex/blob/main/docs/config.md, [otel]; variables of the exporters: its Rust SDK
        name="codex",
        agent="codex",
        packages=("@openai/codex",),
        switches={"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BLRP_SCHEDULE_DELAY": "50"},  # it does not flush as it fails
        flags=tuple(f"{key}={{exporter:{signal}}}" for key, signal in _CODEX_EXPORTERS),
        prints=((("--json", "--experimental-json"), ()),),
        tells="arguments and output of its tools",
    ),
    Known(
        # https://github.com/google-gemini/gemini-cli/blob/main/docs/cli/telemetry.md
        name="gemini",
        agent="gemini-cli",
        packages=("@google/gemini-cli",),
        switches={
            "GEMINI_TELEMETRY_ENABLED": "true",
            "GEMINI_TELEMETRY_TARGET": "local",
            "GEMINI_TELEMETRY_OTLP_ENDPOINT": "{endpoint}",
            "GEMINI_TELEMETRY_OTLP_PROTOCOL": "{protocol}",
            "GEMINI_TELEMETRY_TRACES_ENABLED": "true",
            "GEMINI_TELEMETRY_LOG_PROMPTS": "false",
        },
        no={"GEMINI_TELEMETRY_ENABLED": _OFF},
        prints=((("-o", "--output-format"), ("stream-json",)),),
        ends_well_on=("SIGINT", "SIGTERM"),
        tells="the command line, and the prompt that stands on it",
    ),
    Known(
        # https://github.com/QwenLM/qwen-code/blob/main/docs/developers/development/telemetry.md
        name="qwen",
        agent="qwen-code",
        packages=("@qwen-code/qwen-code",),
        switches={
            "QWEN_TELEMETRY_ENABLED": "true",
            "QWEN_TELEMETRY_TARGET": "local",
            "QWEN_TELEMETRY_OTLP_ENDPOINT": "{endpoint}",
            "QWEN_TELEMETRY_OTLP_PROTOCOL": "{protocol}",
            "QWEN_TELEMETRY_LOG_PROMPTS": "false",
        },
        no={"QWEN_TELEMETRY_ENABLED": _OFF},
        prints=((("-o", "--output-format"), ("stream-json",)),),
        tells="arguments of its tools, and what its subagents answer",
    ),
    Known(
        # https://docs.github.com/en/copilot, "OpenTelemetry" of Copilot CLI
        name="copilot",
        agent="copilot",
        packages=("@github/copilot",),
        switches={ENDPOINT: "{endpoint}"},
        no={"COPILOT_OTEL_ENABLED": _OFF},
        outlives=True,
    ),
    Known(
        # https://opencode.ai/docs/config, experimental.openTelemetry: the spans of Vercel's AI SDK
        name="opencode",
        agent="opencode",
        packages=("opencode-ai",),
        switches={
            **_STANDARD,
            "OTEL_BSP_SCHEDULE_DELAY": "20",  # it leaves without a flush
            "OPENCODE_CONFIG_CONTENT": '{"experimental":{"openTelemetry":true}}',
        },
        prints=((("--format",), ("json",)),),
        tells="prompts, answers, arguments and output of its tools, and the name of your account",
    ),
    Known(
        # https://github.com/docker/docker-agent; --otel takes host:port
        name="docker-agent",
        agent="docker-agent",
        commands=("cagent",),
        prints=((("--json",), ()),),
        ends_well_on=("SIGINT",),
        silent="its --otel fails on start or tells neither model nor tokens",
    ),
    Known(
        # https://goose-docs.ai; its spans tell neither model nor tokens. Since 1.36 a thread of it panics as it sends,
        # and writes that to stderr, until https://github.com/aaif-goose/goose/pull/9599: so it is not switched on
        name="goose",
        agent="goose",
        packages=tuple(f"@aaif/goose{end}" for end in ("", *(f"-binary-{each}" for each in _GOOSE_SYSTEMS))),
        opens=("run", "session"),
        prints=((("--output-format",), ("stream-json",)),),
        ends_well_on=("SIGINT",),
        silent="its spans have no tokens, and some releases fail as they send; --output-format stream-json tells more",
    ),
    Known(
        name="pi",
        agent="pi",
        packages=("@earendil-works/pi-coding-agent", "@mariozechner/pi-coding-agent"),
        by_package_only=True,
        prints=((("--mode",), ("json",)),),
        silent="it has no OpenTelemetry",
    ),
    Known(
        name="amp",
        agent="amp",
        packages=("@ampcode/cli", "@sourcegraph/amp"),  # the old name installs the new one
        by_package_only=True,
        silent="it has no OpenTelemetry",
    ),
)

HARNESSES: Mapping[str, Known] = MappingProxyType({row.name: row for row in _ROWS})
"""By name."""
