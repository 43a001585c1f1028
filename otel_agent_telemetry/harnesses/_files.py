"""Settings files of the coding agents, in their own order of precedence, and what they say about telemetry."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Said", "said_in_files", "settings_files"]

_TABLE = re.compile(r"\s*\[\s*([A-Za-z0-9_.\"'-]+)\s*\]")
_LINE = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=\s*(.*?)\s*$")
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LARGEST = 1 << 20  # bytes


class Said(NamedTuple):
    """One thing that a settings file says: a dotted key, its value, and where."""

    key: str
    value: object
    path: str
    line: int


def settings_files(name: str, environment: Mapping[str, str], folder: str) -> list[str]:
    """The files that the coding agent reads when it starts in that folder, the one that wins first."""
    home = environment.get("HOME") or os.path.expanduser("~")

    def own(variable: str, default: str) -> str:
        return environment.get(variable) or os.path.join(home, default)

    if name == "claude":
        user = own("CLAUDE_CONFIG_DIR", ".claude")
        here = os.path.join(folder, ".claude")
        files = ["settings.local.json", "settings.json"]
        managed = "/etc/claude-code/managed-settings.json"
        return [managed, *(os.path.join(here, file) for file in files), os.path.join(user, "settings.json")]
    if name == "codex":
        return ["/etc/codex/managed_config.toml", os.path.join(own("CODEX_HOME", ".codex"), "config.toml")]
    if name in {"gemini", "qwen"}:
        root = environment.get("GEMINI_CLI_HOME" if name == "gemini" else "QWEN_HOME") or home
        system = f"/etc/{'gemini-cli' if name == 'gemini' else 'qwen-code'}"
        inside = os.path.join(f".{name}", "settings.json")
        return [
            os.path.join(system, "settings.json"),
            os.path.join(folder, inside),
            os.path.join(root, inside),
            os.path.join(system, "system-defaults.json"),
        ]
    if name == "opencode":
        given = environment.get("OPENCODE_CONFIG")
        user = os.path.join(own("XDG_CONFIG_HOME", ".config"), "opencode")
        places = [(folder, ""), *([(given, "file")] if given else []), (user, "")]
        return [
            path
            for place, kind in places
            for path in ([place] if kind else [os.path.join(place, f"opencode.{end}") for end in ("jsonc", "json")])
        ]
    return []


def said_in_files(name: str, environment: Mapping[str, str], folder: str) -> Iterator[Said]:
    """What its settings files say about telemetry, the one that wins first; a file that cannot be read says nothing."""
    for path in settings_files(name, environment, folder):
        text = _text(path)
        if text:
            yield from _toml(path, text) if path.endswith(".toml") else _json(name, path, text)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except OSError:
        return ""


def _json(name: str, path: str, text: str) -> Iterator[Said]:
    try:
        whole: object = json.loads(_COMMENT.sub(lambda found: found[1] or "", text))
    except ValueError:
        return
    if not isinstance(whole, dict):
        return
    for table in ("env",) if name == "claude" else ("telemetry",) if name != "opencode" else ("experimental",):
        inside = cast("dict[str, object]", whole).get(table)
        if isinstance(inside, dict):
            for key, value in cast("dict[str, object]", inside).items():
                if name != "opencode" or key == "openTelemetry":
                    yield Said(f"{table}.{key}", value, path, _line_of(text, key))


def _toml(path: str, text: str) -> Iterator[Said]:
    """The table ``otel`` of a TOML file, line by line: Python 3.10 has no reader of it."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if (head := _TABLE.match(line)) is not None:
            table = head[1]
            if table.startswith("otel."):  # [otel.exporter.otlp-http]
                yield Said(table, {}, path, number)
        elif (found := _LINE.match(line)) is not None:
            key = f"{table}.{found[1]}" if table else found[1]
            if key == "otel" or key.startswith("otel."):
                yield Said(key, found[2], path, number)


def _line_of(text: str, key: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if f'"{key}"' in line), 1)
