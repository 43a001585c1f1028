"""The comparison catches whatever is changed: in what a client is said to have sent, and in what our product sends."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from otel_agent_telemetry.contract._events import EVENTS
from tests.goldens import made
from tests.goldens.compare import compare
from tests.goldens.replay import Outcome, replay
from tests.goldens.schema import AGENT_SWARM, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Path_ = tuple[Any, ...]
CASES = {"agent-swarm": made.EVERYTHING, "docker-agent": made.CONVERSATION}
TOLERATED = {  # what a client measures anew in each run: another value of the same form is as good
    ("occurred_at",),
    ("records", 0, "event_timestamp"),
    ("records", 0, "properties", "duration_ms"),
}


def bodies_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    """What the client sent."""
    return [json.loads(request["body"]) for request in case["requests"]]


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every key of a body, at any depth, and the items of its lists."""
    items: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(cast("dict[str, Any]", value).items())
    elif isinstance(value, list):
        items = enumerate(cast("list[Any]", value))
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def at(body: Any, path: Path_) -> Any:
    """What is there."""
    for key in path:
        body = body[key]
    return body


def drop(body: Any, path: Path_) -> None:
    """The key is not there."""
    del at(body, path[:-1])[path[-1]]


def retype(body: Any, path: Path_) -> None:
    """The value has another type."""
    value: Any = at(body, path)
    at(body, path[:-1])[path[-1]] = 1 if isinstance(value, (str, dict)) else str(value)


def revalue(body: Any, path: Path_) -> None:
    """The value is another one of its type."""
    value = at(body, path)
    others = {bool: not value, int: 77, float: 0.7, str: "custom", list: ["changed"], dict: {"changed": 1}}
    at(body, path[:-1])[path[-1]] = others[type(value)] if others[type(value)] != value else "changed"


def nothing(body: Any, path: Path_) -> None:
    """The value is null."""
    at(body, path[:-1])[path[-1]] = None


def add(body: Any, path: Path_) -> None:
    """Beside the key is one more."""
    home = at(body, path[:-1])
    if isinstance(home, list):
        cast("list[Any]", home).append("more")
    else:
        home.update(more="more")


def reorder(body: Any, path: Path_) -> None:
    """The key comes last, or first where it was last."""
    home = at(body, path[:-1])
    if isinstance(home, dict):
        pairs: list[Any] = list(cast("dict[str, Any]", home).items())
        moved = pairs.pop(list(cast("dict[str, Any]", home)).index(path[-1]))
        pairs.insert(0 if len(pairs) == list(cast("dict[str, Any]", home)).index(path[-1]) else len(pairs), moved)
        cast("dict[str, Any]", home).clear()
        cast("dict[str, Any]", home).update(pairs)


CHANGES: tuple[Callable[[Any, Path_], None], ...] = (drop, retype, revalue, nothing, add, reorder)


def changed(bodies: list[Any], change: Callable[[Any, Path_], None]) -> Iterator[tuple[int, Path_, Any]]:
    """Each body with each key changed that way, where that makes a difference."""
    for index, body in enumerate(bodies):
        for path in places(body):
            mutant = copy.deepcopy(body)
            change(mutant, path)
            if json.dumps(mutant) != json.dumps(body) and not (change is revalue and path in TOLERATED):
                yield index, path, mutant


def replayed(case: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Outcome]:
    """A made case, and what our product gives for it, between which nothing is wrong."""
    outcome = replay(case, folder, monkeypatch)
    assert compare(case, outcome).failures == []
    return case, outcome


@pytest.fixture(params=CASES)
def pair(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Outcome]:
    """A made case, and what our product gives for it."""
    return replayed(CASES[request.param], tmp_path, monkeypatch)


def test_the_contract_has_the_kinds_of_the_schema() -> None:
    """Each property has the kind that is written down beside the comparison, which goes by the contract's kinds."""
    kinds = {event.name: {key: type(kind) for key, kind in event.properties.items()} for event in EVENTS}
    wanted = {name: {**AGENT_SWARM.get(name, {}), **OURS.get(name, {})} for name in {**AGENT_SWARM, **OURS}}
    assert kinds == wanted
    assert {name: list(keys) for name, keys in kinds.items()} == {name: list(keys) for name, keys in wanted.items()}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_any_field_is_caught(
    change: Callable[[Any, Path_], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each property of each event of the contract, changed in what a client is said to send, and in ours."""
    case, outcome = replayed(made.EVERY_FIELD, tmp_path, monkeypatch)
    fields = {(event.name, key) for event in EVENTS for key in event.properties}
    theirs, ours = bodies_of(case), [json.loads(kept.body) for kept in outcome.kept]
    for bodies, is_theirs in ((theirs, True), (ours, False)):
        mutants = [each for each in changed(bodies, change) if is_field(bodies, each, fields)]
        assert {(bodies[index]["event"], path[1]) for index, path, _ in mutants} == fields
        for index, path, body in mutants:
            pair = (with_body(case, index, body), outcome) if is_theirs else (case, sending(outcome, index, body))
            assert compare(*pair).failures, (bodies[index]["event"], path)


def is_field(bodies: list[Any], mutant: tuple[int, Path_, Any], fields: set[tuple[str, str]]) -> bool:
    """Whether what was changed is a property of the contract's, or an item of one."""
    index, path, _ = mutant
    return len(path) > 1 and path[0] == "properties" and (bodies[index]["event"], path[1]) in fields


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_golden_is_caught(change: Callable[[Any, Path_], None], pair: tuple[dict[str, Any], Outcome]) -> None:
    """Each key of each captured body, dropped, retyped, with another value, nulled, with company, and elsewhere."""
    case, outcome = pair
    mutants = list(changed(bodies_of(case), change))
    assert len(mutants) >= 20
    assert [path for index, path, body in mutants if not compare(with_body(case, index, body), outcome).failures] == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_product_is_caught(
    change: Callable[[Any, Path_], None], pair: tuple[dict[str, Any], Outcome]
) -> None:
    """Each key of each body of ours, changed in the same ways, in the ledger and on the wire alike."""
    case, outcome = pair
    mutants = list(changed([json.loads(kept.body) for kept in outcome.kept], change))
    assert len(mutants) >= 20
    assert [path for index, path, body in mutants if not compare(case, sending(outcome, index, body)).failures] == []


def with_body(case: dict[str, Any], index: int, body: Any) -> dict[str, Any]:
    """The case with another body in one request, whose length says so too."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return with_request(case, index, body=text, headers=lengthened(case["requests"][index]["headers"], text))


def lengthened(headers: list[Any], text: str) -> list[Any]:
    """The headers for a body of another length."""
    kept = [(name, value) for name, value in headers if name != "Content-Length"]
    return [*kept, ("Content-Length", str(len(text.encode())))]


def with_request(case: dict[str, Any], index: int, **changes: Any) -> dict[str, Any]:
    """The case with one request changed."""
    requests = [*case["requests"]]
    requests[index] = {**requests[index], **changes}
    return {**case, "requests": requests}


def sending(outcome: Outcome, index: int, body: Any) -> Outcome:
    """The outcome as a product would give it that sends this body."""
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return sending_raw(outcome, index, raw)


def sending_raw(outcome: Outcome, index: int, raw: bytes) -> Outcome:
    """The same with bytes."""
    kept, requests = [*outcome.kept], [*outcome.requests]
    kept[index] = replace(kept[index], body=raw)
    headers = tuple(
        (name, str(len(raw)) if name == "Content-Length" else value) for name, value in requests[index].headers
    )
    requests[index] = replace(requests[index], body=raw, headers=headers)
    return replace(outcome, kept=kept, requests=requests)


def edited(outcome: Outcome, **changes: Any) -> Outcome:
    """The outcome with its first request changed."""
    return replace(outcome, requests=[replace(outcome.requests[0], **changes), *outcome.requests[1:]])


OF_GOLDENS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "one request less": lambda case: {**case, "requests": case["requests"][1:]},
    "one request twice": lambda case: {**case, "requests": [*case["requests"], case["requests"][0]]},
    "another method": lambda case: with_request(case, 0, method="PUT"),
    "another path": lambda case: with_request(case, 0, path="/v2/events"),
    "another HTTP": lambda case: with_request(case, 0, http_version="HTTP/1.0"),
    "a header less": lambda case: with_request(case, 0, headers=case["requests"][0]["headers"][1:]),
    "a header more": lambda case: with_request(case, 0, headers=[*case["requests"][0]["headers"], ("Cookie", "a=b")]),
    "another length": lambda case: with_request(case, 0, headers=lengthened(case["requests"][0]["headers"], "x")),
    "another agent": lambda case: with_request(
        case, 0, headers=[(n, "curl/8" if n == "user-agent" else v) for n, v in case["requests"][0]["headers"]]
    ),
    "a body of 1970": lambda case: with_body(case, 0, in_1970(bodies_of(case)[0])),
    "two bodies exchanged": lambda case: with_body(case, 0, bodies_of(case)[1]),
    "a count that is wrong": lambda case: {**case, "observed": {**case["observed"], "request_count": 99}},
}
OF_PRODUCT: dict[str, Callable[[Outcome], Outcome]] = {
    "an event less": lambda ours: replace(ours, kept=ours.kept[1:], requests=ours.requests[1:]),
    "an event twice": lambda ours: replace(ours, kept=[*ours.kept, ours.kept[0]]),
    "events in another order": lambda ours: replace(ours, kept=ours.kept[::-1], requests=ours.requests[::-1]),
    "sent twice": lambda ours: replace(ours, requests=[*ours.requests, ours.requests[-1]]),
    "never sent": lambda ours: replace(ours, requests=[]),
    "kept as pending": lambda ours: replace(ours, kept=[replace(kept, state="pending") for kept in ours.kept]),
    "kept as dropped": lambda ours: replace(ours, kept=[replace(kept, state="dropped") for kept in ours.kept]),
    "another method": lambda ours: edited(ours, method="PUT"),
    "another path": lambda ours: edited(ours, path="/elsewhere"),
    "a header less": lambda ours: edited(ours, headers=ours.requests[0].headers[2:]),
    "a cookie": lambda ours: edited(ours, headers=(*ours.requests[0].headers, ("Cookie", "a=b"))),
    "another body than the ledger's": lambda ours: edited(ours, body=b"{}"),
    "a body with spaces": lambda ours: sending_raw(ours, 0, json.dumps(json.loads(ours.kept[0].body)).encode()),
    "a body of 1970": lambda ours: sending(ours, 0, in_1970(json.loads(ours.kept[0].body))),
    "another id in one event": lambda ours: sending(ours, 1, under_another_id(json.loads(ours.kept[1].body))),
    "a reference with another key": lambda ours: replace(
        ours, stored={**ours.stored, "telemetry_reference_key": "00" * 32}
    ),
}


def in_1970(body: dict[str, Any]) -> dict[str, Any]:
    """The same body, long ago."""
    if "records" in body:
        return {"records": [{**body["records"][0], "event_timestamp": 1000}]}
    return {**body, "occurred_at": "1970-01-01T00:00:01.000Z"}


def under_another_id(body: dict[str, Any]) -> dict[str, Any]:
    """The same body, from another installation."""
    if "records" not in body:
        return {**body, "actor_anonymous_id": "install_ffffffffffffffff"}
    properties = {**body["records"][0]["properties"], "user_uuid": "install_ffffffffffffffff"}
    return {"records": [{**body["records"][0], "properties": properties}]}


@pytest.mark.parametrize("name", OF_GOLDENS)
def test_a_changed_capture_is_caught(name: str, pair: tuple[dict[str, Any], Outcome]) -> None:
    """Requests, headers, counts and times of the capture are no less looked at than its bodies."""
    case, outcome = pair
    assert compare(OF_GOLDENS[name](case), outcome).failures


@pytest.mark.parametrize("name", OF_PRODUCT)
def test_a_changed_delivery_is_caught(name: str, pair: tuple[dict[str, Any], Outcome]) -> None:
    """Order, number, state, headers and bytes of what we send are looked at."""
    case, outcome = pair
    assert compare(case, OF_PRODUCT[name](outcome)).failures
