"""The calls of a case, with the environment that each is made in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JAVASCRIPT = {
    "undefined": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
    "-0": -0.0,
    "bigint": 2**70,
    "lone-surrogate": "\ud800",
}
"""Values that JSON lacks, as a case writes them: ``{"$js": NAME}``."""


@dataclass(slots=True)
class Call:
    """One call of a case, with the environment it is made in and what came of it at the client."""

    index: int
    api: str
    arguments: list[Any]
    environ: dict[str, str]
    event: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    theirs: dict[str, Any] | None = None
    """The body, None where the client sends nothing for this call."""


def calls_in(case: Mapping[str, Any]) -> Iterator[Call]:
    """The calls in order, without the steps of the driver."""
    environ = dict(case["env"])
    for index, call in enumerate(case["calls"]):
        api, arguments = call["api"], call["args"]
        if api == "setenv":
            name, value = arguments
            environ.pop(name, None)
            environ.update({} if value is None else {name: value})
        elif api != "sleep":
            yield _named_call(index, api, arguments, dict(environ))


def _named_call(index: int, api: str, arguments: list[Any], environ: dict[str, str]) -> Call:
    if api == "track":
        said = arguments[0]
        given, metadata = _object(said.get("properties")), _object(said.get("metadata"))
        return Call(index, api, arguments, environ, said["event"], given, metadata)
    if api.startswith("telemetry."):
        family = api.removeprefix("telemetry.").removesuffix("Event")
        given = _object(arguments[1]) if len(arguments) > 1 else {}
        return Call(index, api, arguments, environ, f"{family}.{arguments[0]}", given)
    return Call(index, api, arguments, environ, _DOCKER_EVENTS[api])


def _object(said: Any) -> dict[str, Any]:
    """What JavaScript spreads of it: of null and undefined nothing."""
    return cast("dict[str, Any]", said) if isinstance(said, dict) and "$js" not in said else {}


_DOCKER_EVENTS = {
    "TrackCommand": "command.executed",
    "RecordSessionStart": "session.started",
    "RecordSessionEnd": "session.ended",
    "RecordError": "",
    "RecordToolCall": "tool.called",
    "RecordTokenUsage": "token.usage",
}
"""What each of docker-agent's calls is in our contract; an error has no event of its own."""
