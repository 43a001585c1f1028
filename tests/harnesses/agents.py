"""The real coding agents: each has a home and a project of its own, and the scripted model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.harnesses.fetch import search_path
from tests.harnesses.model_server import PROMPT

if TYPE_CHECKING:
    from tests.harnesses.model_server import ModelServer

__all__ = ["Agent", "Run", "left_behind", "with_run"]

_RUN = (sys.executable, "-m", "otel_agent_telemetry", "run", "--")
_LIMIT_SECONDS = 240
_MODEL = "gpt-5-mini"
_TOML = """
model = "{model}"
model_provider = "scripted"
check_for_update_on_startup = false
[analytics]
enabled = false
[feedback]
enabled = false
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
env_key = "SCRIPTED_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
"""


class Run(NamedTuple):
    """How a run ended, and what it printed."""

    code: int
    out: bytes
    err: bytes


class Agent:
    """One coding agent for one scenario: its command line and environment; ``again`` goes on with its last session."""

    def __init__(self, name: str, scenario: str, server: ModelServer, folder: Path) -> None:
        self.name = name
        self.folder = folder / "project"
        self.home = folder / "home"
        self.scenario = scenario
        self._url = server.url(scenario)
        self._model = "claude-sonnet-4-5" if name == "claude" else "gemini-2.5-pro" if name == "gemini" else _MODEL
        for each in (self.folder, self.home, folder / "tmp"):
            each.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", "."], check=True, cwd=self.folder)
        base = {"HOME": str(self.home), "PATH": search_path(name), "LANG": "C.UTF-8", "TERM": "dumb", "USER": "someone"}
        self.environment = {**base, "TMPDIR": str(folder / "tmp"), **getattr(self, f"_{name}")()}

    def command(self, *, lines: bool = False, again: bool = False) -> list[str]:
        """The command line; ``lines`` has it print JSON lines."""
        return {
            "claude": [
                *("claude", "-p", "--model", self._model, "--allowedTools", "Bash,Task,Agent"),
                *(("--output-format", "stream-json", "--verbose") if lines else ()),
                *(("--continue",) if again else ()),
                *("--", PROMPT),
            ],
            "codex": [
                *("codex", "exec", *(("resume", "--last") if again else ()), "--skip-git-repo-check"),
                *("--dangerously-bypass-approvals-and-sandbox", *(("--json",) if lines else ()), PROMPT),
            ],
            "gemini": [
                *("gemini", "--yolo", "-m", self._model, *(("-o", "stream-json") if lines else ())),
                *(*(("--resume", "latest") if again else ()), "-p", PROMPT),
            ],
            "qwen": [
                *("qwen", "--yolo", *(("-o", "stream-json") if lines else ()), *(("--continue",) if again else ())),
                *("-p", PROMPT),
            ],
            "copilot": [
                *("copilot", "--allow-all-tools", "--no-auto-update", "--log-level", "none"),
                *(*(("--continue",) if again else ()), "-p", PROMPT),
            ],
            "opencode": [
                *("opencode", "run", *(("--format", "json") if lines else ()), *(("--continue",) if again else ())),
                PROMPT,
            ],
            "pi": [
                *("pi", *(("--mode", "json") if lines else ()), "--provider", "scripted", "--model", self._model),
                *(*(("--continue",) if again else ()), "-p", PROMPT),
            ],
            "goose": [
                *("goose", "run", "--with-builtin", "developer,summon", "--name", "job", *(("-r",) if again else ())),
                *(*(("--output-format", "stream-json") if lines else ()), "-t", PROMPT),
            ],
        }[self.name]

    def pointed_at(self, url: str) -> dict[str, str]:
        """The environment that has it report there, by nothing but what its own documentation says."""
        standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        claude = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "LOGS", "METRICS")}
        claude |= {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1"}
        google = {"ENABLED": "true", "TARGET": "local", "OTLP_ENDPOINT": url, "OTLP_PROTOCOL": "http"}
        google["TRACES_ENABLED"] = "true"
        if self.name == "codex":
            http = 'otlp-http = {{ endpoint = "{}/v1/{}", protocol = "binary" }}'
            signals = {"exporter": "logs", "trace_exporter": "traces", "metrics_exporter": "metrics"}
            lines = [f"{key} = {{ {http.format(url, signal)} }}" for key, signal in signals.items()]
            with (self.home / ".codex/config.toml").open("a") as file:
                file.write("\n".join(["[otel]", *lines, ""]))
        return self.environment | {
            "claude": {**standard, **claude},
            "gemini": {f"GEMINI_TELEMETRY_{key}": value for key, value in google.items()},
            "qwen": {f"QWEN_TELEMETRY_{key}": value for key, value in google.items()},
            "copilot": standard,
            "opencode": {**standard, "OPENCODE_CONFIG_CONTENT": '{"experimental":{"openTelemetry":true}}'},
        }.get(self.name, {})

    def _claude(self) -> dict[str, str]:
        return {
            "ANTHROPIC_BASE_URL": self._url,
            "ANTHROPIC_API_KEY": "scripted",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
        }

    def _codex(self) -> dict[str, str]:
        self._write(".codex/config.toml", _TOML.format(url=self._url, model=self._model))
        return {"SCRIPTED_KEY": "scripted"}

    def _gemini(self) -> dict[str, str]:
        general = {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 2}
        auth = {"auth": {"selectedType": "gemini-api-key"}}
        private = {"usageStatisticsEnabled": False}
        settings = {"security": auth, "general": general, "privacy": private, "model": {"maxSessionTurns": 8}}
        self._write(".gemini/settings.json", json.dumps(settings))
        return {
            "GEMINI_API_KEY": "scripted",
            "GOOGLE_GEMINI_BASE_URL": self._url,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GEMINI_CLI_NO_RELAUNCH": "true",
        }

    def _qwen(self) -> dict[str, str]:
        general = {"enableAutoUpdate": False, "disableAutoUpdate": True}
        auth = {"auth": {"selectedType": "openai"}}
        model = {"generationConfig": {"maxRetries": 0}}  # else it waits for minutes where it is refused
        private = {"usageStatisticsEnabled": False}
        settings = {"security": auth, "general": general, "privacy": private, "model": model}
        self._write(".qwen/settings.json", json.dumps(settings))
        return {"OPENAI_API_KEY": "scripted", "OPENAI_BASE_URL": f"{self._url}/v1", "OPENAI_MODEL": self._model}

    def _copilot(self) -> dict[str, str]:
        return {
            "COPILOT_PROVIDER_TYPE": "openai",
            "COPILOT_PROVIDER_BASE_URL": f"{self._url}/v1",
            "COPILOT_PROVIDER_API_KEY": "scripted",
            "COPILOT_MODEL": self._model,
            "COPILOT_OFFLINE": "true",
            "COPILOT_AUTO_UPDATE": "false",
        }

    def _opencode(self) -> dict[str, str]:
        cost = {"input": 1, "output": 10, "cache_read": 0.1}
        model = {"name": self._model, "tool_call": True, "cost": cost, "limit": {"context": 200_000, "output": 8000}}
        options = {"baseURL": f"{self._url}/v1", "apiKey": "scripted"}
        provider = {"npm": "@ai-sdk/openai-compatible", "name": "scripted", "options": options}
        settings = {
            "autoupdate": False,
            "share": "disabled",
            "model": f"scripted/{self._model}",
            "small_model": f"scripted/{self._model}",
            "permission": {"bash": "allow", "task": "allow"},
            "provider": {"scripted": {**provider, "models": {self._model: model}}},
        }
        self._write(".config/opencode/opencode.json", json.dumps(settings))
        return {
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        }

    def _pi(self) -> dict[str, str]:
        cost = {"input": 1, "output": 10, "cacheRead": 0.1, "cacheWrite": 0}
        model = {"id": self._model, "name": self._model, "reasoning": False, "input": ["text"], "cost": cost}
        provider = {"baseUrl": f"{self._url}/v1", "api": "openai-completions", "apiKey": "scripted"}
        models = [{**model, "contextWindow": 200_000, "maxTokens": 8000}]
        settings = {"providers": {"scripted": {**provider, "models": models}}}
        self._write(".pi/agent/models.json", json.dumps(settings))
        return {"PI_SKIP_VERSION_CHECK": "1", "PI_TELEMETRY": "0", "PI_OFFLINE": "1"}

    def _goose(self) -> dict[str, str]:
        return {
            "GOOSE_PROVIDER": "openai",
            "GOOSE_MODEL": self._model,
            "OPENAI_API_KEY": "scripted",
            "OPENAI_HOST": self._url,
            "GOOSE_DISABLE_KEYRING": "1",
            "GOOSE_MODE": "auto",
            "GOOSE_TELEMETRY_OFF": "1",
        }

    def _write(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def with_run(
    agent: Agent,
    server: ModelServer,
    *,
    stop: signal.Signals | None = None,
    lines: bool = False,
    again: bool = False,
    **variables: str,
) -> Run:
    """``agent-telemetry run -- AGENT`` to its end; ``stop`` is sent to ``run`` alone once a model's stream hangs."""
    command = [*_RUN, *agent.command(lines=lines, again=again)]
    environment = {**agent.environment, **variables}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, cwd=agent.folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
    ) as process:
        try:
            if stop is not None:
                assert server.hanging.wait(_LIMIT_SECONDS), "the model was not asked"
                process.send_signal(stop)
            out, err = process.communicate(timeout=_LIMIT_SECONDS)
        except BaseException:
            process.send_signal(signal.SIGTERM)
            raise
    return Run(process.returncode, out, err)


def left_behind(folder: Path) -> list[str]:
    """The command lines of processes that still work in that folder (Linux; elsewhere none)."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text(errors="replace"))
        except OSError:  # it has gone, or is another account's
            continue
    return found
