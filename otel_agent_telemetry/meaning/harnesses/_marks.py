"""Which coding agent telemetry is from, and what one record of it says beside the words of every dialect."""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = [
    "CLAUDE",
    "CODEX",
    "COPILOT",
    "DOCKER",
    "GEMINI",
    "GOOSE",
    "NAMES",
    "OPENCODE",
    "QWEN",
    "Marks",
    "harness_of",
]

CLAUDE = "claude-code"
CODEX = "codex"
GEMINI = "gemini-cli"
QWEN = "qwen-code"
COPILOT = "copilot"
OPENCODE = "opencode"
DOCKER = "docker-agent"
GOOSE = "goose"
NAMES = (CLAUDE, CODEX, GEMINI, QWEN, COPILOT, OPENCODE, DOCKER, GOOSE)

_PROVIDERS = {CLAUDE: "claude", GEMINI: "gemini", QWEN: "qwen"}
_SCOPES = {
    "gemini-cli": GEMINI,
    "qwen-code": QWEN,
    "github.copilot": COPILOT,
    "opencode": OPENCODE,
    "cagent": DOCKER,
    "goose": GOOSE,
}
_PREFIXES = (("com.anthropic.claude_code", CLAUDE), ("codex_", CODEX))
_SERVICES = {
    "claude-code": CLAUDE,
    "gemini-cli": GEMINI,
    "qwen-code": QWEN,
    "github-copilot": COPILOT,
    "opencode": OPENCODE,
    "cagent": DOCKER,
    "goose": GOOSE,
}

# Where a record comes from; of one call the lowest that is there is counted.
SPAN, LOG, PRINTED, METRIC = 0, 1, 2, 3

# What a record is to its run.
RUN = "run"  # one prompt, from its beginning to its end
ROOT = "root"  # the same, made of what is known before, or without, a span of it
SUB = "sub"  # a subagent's run
EXECUTION = "execution"  # what runs inside a tool's call: it knows whether the tool failed
CALL = "call"
TOOL = "tool"
USAGE = "usage"
BEGUN = "begun"  # of a tool, in the place of how it ended: only its beginning is told
PART = "part"  # stands for nothing, and knows something of what is below it


class Marks(NamedTuple):
    """What a record of a coding agent says beyond :class:`Said`.

    ``session`` is the conversation as the record itself names it, ``prompt`` an id of what was asked, ``agent`` the id
    of the subagent that it is about. ``finish`` is how a run or a call ended: ``ok``, ``error``, ``cancelled``,
    ``tool`` for an answer that asks for a tool, ``begun`` for a tool of which no end is told. ``error`` and ``name``
    are as first read, since what other records say may change both. ``is_loose`` where no trace id tells what the
    record belongs to; ``is_priced`` where another metric says what its tokens cost.
    """

    harness: str
    source: int
    part: str
    session: str | None = None
    prompt: str | None = None
    agent: str | None = None
    finish: str | None = None
    error: str | None = None
    name: str | None = None
    model: str | None = None
    is_loose: bool = False
    is_priced: bool = False

    @property
    def provider(self) -> str:
        """The name of the program in the contract."""
        return _PROVIDERS.get(self.harness, self.harness)

    @property
    def task(self) -> str | None:
        """The id of what was asked, where this is a run that somebody asked for; empty where it has none."""
        return (self.prompt or "") if self.part in (RUN, ROOT) else None

    def to_text(self) -> str:
        """Itself as a column of a table can hold it."""
        return json.dumps(self)

    @classmethod
    def from_text(cls, text: str) -> Marks:
        """The marks that :meth:`to_text` wrote."""
        return cls(*json.loads(text))


def harness_of(service: str, scope: str) -> str | None:
    """The coding agent that an instrumentation scope belongs to, else a service of that name; None for none."""
    found = _SCOPES.get(scope) or next((name for prefix, name in _PREFIXES if scope.startswith(prefix)), None)
    return found or _SERVICES.get(service) or (CODEX if service.startswith("codex_") else None)
