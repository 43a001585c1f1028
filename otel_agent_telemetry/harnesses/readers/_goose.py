"""What Goose (1.37) prints by ``goose run --output-format stream-json``, and the head above it."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, ClassVar

from otel_agent_telemetry.harnesses._told import Usage
from otel_agent_telemetry.harnesses.readers._sums import Sums
from otel_agent_telemetry.harnesses.readers._values import Table, error_of, number, table, tables, text

if TYPE_CHECKING:
    from otel_agent_telemetry.harnesses._told import Told

__all__ = ["GooseReader"]

_MODEL = re.compile(r"(?:new session|resuming) · \S+ (\S+)")
_SESSION = re.compile(r"\b(\d{8}_\d+) · ")
_COMPLETE = re.compile(r'\{"type": ?"complete".*')
_FAILED = re.compile(r"Ran into this error: (\w+ \w+)")
_ERRORS = {"Rate limit": "rate_limit", "Server error": "server_error", "Authentication error": "authentication_failed"}
_DELEGATES = "delegate"


class GooseReader:
    """Tokens are said once a run, as the sum of the session so far; those of its subagents are not said."""

    _sums: ClassVar[Sums] = Sums()

    def __init__(self) -> None:
        self._model: str | None = None
        self._session = ""
        self._error: str | None = None

    def words(self, line: str, told: Told) -> None:
        """Tell what a line says that is no JSON: the head names model and session; one may stand before the last."""
        if (model := _MODEL.search(line)) is not None:
            self._model = model[1]
        elif not self._session and (session := _SESSION.search(line)) is not None:
            self._begin(session[1], told)
        elif (rest := _COMPLETE.search(line)) is not None:  # it was interrupted, and asks what to do instead
            said: Table = json.loads(rest[0])
            self._used(said, told)
            told.ended("cancelled")

    def read(self, said: Table, told: Told) -> None:
        """Tell what one line of JSON says."""
        kind = text(said, "type")
        if kind not in {"message", "complete"}:
            return
        if not self._session:  # --quiet leaves out the head
            self._begin(str(uuid.uuid4()), told)
        if kind == "message":
            self._message(table(said, "message"), told)
        elif self._used(said, told) and self._error is None:
            told.ended("ok")
        else:
            told.failed_call(self._error or error_of(None))
            told.ended("error", self._error or error_of(None))

    def _begin(self, session: str, told: Told) -> None:
        self._session = session
        told.session(session, model=self._model)

    def _used(self, said: Table, told: Told) -> bool:
        """Whether the session used any tokens so far."""
        whole = Usage(input=number(said, "input_tokens"), output=number(said, "output_tokens"))
        if whole.input is not None:
            self._sums.used(self._session, whole, told, is_first=True)
        return whole.input is not None

    def _message(self, message: Table, told: Told) -> None:
        for part in tables(message, "content"):
            kind, call = text(part, "type"), text(part, "id") or ""
            if kind == "toolRequest":
                name = text(table(table(part, "toolCall"), "value"), "name") or "unknown"
                told.tool(call, name)
                if name == _DELEGATES:
                    told.agent(call, None, within=call)
            elif kind == "toolResponse":
                told.agent_ended(call)
                told.tool_ended(call, "tool_error" if _failed(table(part, "toolResult")) else None)
            elif kind == "text" and message.get("id") is None:  # its own words, not the model's
                failed = _FAILED.match(text(part, "text") or "")
                self._error = self._error if failed is None else error_of(None, _ERRORS.get(failed[1]))


def _failed(result: Table) -> bool:
    value = table(result, "value")
    code = number(table(value, "structuredContent"), "exit_code")
    return text(result, "status") == "error" or value.get("isError") is True or bool(code)
