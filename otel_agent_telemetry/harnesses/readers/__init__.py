"""JSON lines of the coding agents, each read by its own reader; nothing but ids, names, counts and kinds is taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from otel_agent_telemetry import _losses
from otel_agent_telemetry.harnesses.readers._claude import ClaudeReader
from otel_agent_telemetry.harnesses.readers._goose import GooseReader
from otel_agent_telemetry.harnesses.readers._others import (
    CodexReader,
    DockerAgentReader,
    GeminiReader,
    OpencodeReader,
    PiReader,
    QwenReader,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.harnesses._told import Told
    from otel_agent_telemetry.harnesses.readers._values import Reader, Table

__all__ = ["READERS", "Lines"]

READERS: dict[str, Callable[[], Reader]] = {
    "claude": ClaudeReader,
    "codex": CodexReader,
    "docker-agent": DockerAgentReader,
    "gemini": GeminiReader,
    "goose": GooseReader,
    "opencode": OpencodeReader,
    "pi": PiReader,
    "qwen": QwenReader,
}

_LONGEST = 16 << 20  # bytes; a line that is longer is passed on and not read


class Lines:
    """Takes an output as it comes, in pieces of any size, and has its JSON lines read."""

    def __init__(self, reader: Reader, told: Told) -> None:
        self._reader = reader
        self._told = told
        self._rest = bytearray()
        self._skips = False

    def feed(self, data: bytes) -> None:
        """The next piece."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            if not self._skips:
                self._rest += line
                self._read()
            self._rest.clear()
            self._skips = False
        if not self._skips:
            self._rest += rest
            if len(self._rest) > _LONGEST:
                self._rest.clear()
                self._skips = True

    def close(self) -> None:
        """There is no more; a last line may lack its end."""
        if self._rest and not self._skips:
            self._read()
        self._rest.clear()

    def _read(self) -> None:
        try:
            if not self._rest.lstrip().startswith(b"{"):  # warnings and the like stand between
                if isinstance(self._reader, GooseReader):
                    self._reader.words(self._rest.decode("utf-8", "replace"), self._told)
                return
            said: object = json.loads(self._rest)
            if isinstance(said, dict):
                self._reader.read(cast("Table", said), self._told)
        except ValueError:
            return
        except Exception:  # noqa: BLE001 - an observer never breaks what it observes
            _losses.count("instrumentation_error")
