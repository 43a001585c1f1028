"""Holds a captured case and our replay of it against what each has to be; a difference between the two has a reason.

What the real client sends for the calls is in ``captured``, what we have to send in ``ours``. The two may differ only
in the keys that ``reasons`` names for the event, and every other key has to be the same in both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.goldens import agent_swarm, kinds, ours
from tests.goldens.captured import calls_of
from tests.goldens.forms import differences
from tests.goldens.reasons import Report, explain
from tests.goldens.replay import API_KEY, PRODUCTS, REFERENCE_KEY
from tests.goldens.surroundings import PATHS, never_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.goldens.calls import Call
    from tests.goldens.replay import Kept, Outcome
    from tests.recorder import Request


def compare(case: dict[str, Any], replayed: Outcome) -> Report:
    """Hold both sides against what they have to be, and against each other."""
    report = Report()
    calls = calls_of(case)
    _check_golden(case, calls, report)
    expected = ours.Expected(case, replayed).bodies(calls)
    _check_ours(expected, replayed, report)
    _check_sending(case, expected, replayed, report)
    _check_identity(case, calls, replayed, report)
    explain(case, calls, expected, report)
    return report


# The golden ---------------------------------------------------------------------------------------------------------


def _check_golden(case: dict[str, Any], calls: list[Call], report: Report) -> None:
    """The case says what its client sends for its calls, whichever of them arrived first."""
    server = case["server"]
    left = [call.theirs for call in calls if call.theirs is not None and not server.get("refused")]
    first = [request for request in case["requests"] if request["path"] == PATHS[case["client"]]]
    for request in first:
        body = _parsed(request["body"], report)
        wanted = next((theirs for theirs in left if not [*differences(theirs, body)]), left[0] if left else None)
        if wanted is None:
            report.failures.append(f"golden: no call gives {body}")
            continue
        left.remove(wanted)
        report.failures += [f"golden: {difference}" for difference in differences(wanted, body, "body")]
        _check_their_request(case, request, report)
    report.failures += [f"golden: lacks {theirs}" for theirs in left]
    _check_redirected(case, first, report)
    if case["observed"]["request_count"] != len(case["requests"]):
        report.failures.append(f"golden: request_count is {case['observed']['request_count']}")


def _parsed(body: str, report: Report) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            report.failures.append(f"a key is there twice: {[key for key, _ in pairs]}")
        return dict(pairs)

    return json.loads(body, object_pairs_hook=unique)


def _check_redirected(case: Mapping[str, Any], first: list[dict[str, Any]], report: Report) -> None:
    """Both clients follow a redirect: with 307 and 308 the whole body goes there, else a GET without one."""
    more = [request for request in case["requests"] if request not in first]
    status = case["server"].get("status", 200)
    method, bodies = ("POST", [r["body"] for r in first]) if status in {307, 308} else ("GET", [""] * len(first))
    follows = status in {301, 302, 303, 307, 308}
    expected = [(method, "/redirected", body) for body in bodies] if follows else []
    found = [(request["method"], request["path"], request["body"]) for request in more]
    if found != expected:
        report.failures.append(f"golden: redirected requests {found}, expected {expected}")
    if found:
        report.reasons["no_redirect"] += 1


def _check_their_request(case: Mapping[str, Any], request: Mapping[str, Any], report: Report) -> None:
    headers = {name.lower(): value for name, value in request["headers"]}
    is_local = headers.get("host", "").startswith("127.0.0.1:")
    expected = {
        **_their_headers(case),
        "host": headers["host"] if is_local and case["client"] == "agent-swarm" else _their_host(case),
        "content-length": str(len(request["body"].encode("utf-8", "surrogatepass"))),
    }
    said = (request["method"], request["http_version"], headers)
    report.failures += [
        f"golden: {what}"
        for what in differences(["POST", "HTTP/1.1", _sorted(expected)], [*said[:2], _sorted(headers)])
    ]


def _sorted(fields: dict[str, str]) -> dict[str, str]:
    return dict(sorted(fields.items()))


def _their_host(case: Mapping[str, Any]) -> str:
    """Where docker-agent believed to send; Agent Swarm's requests were led to the recorder."""
    if case["client"] == "agent-swarm":
        return "127.0.0.1:port"
    return "api-stage.docker.com" if case["setup"].get("debug") else "api.docker.com"


def _their_headers(case: Mapping[str, Any]) -> dict[str, str]:
    name, _, rest = case["runtime"].partition(" ")
    json_alone = {"content-type": "application/json"}
    if case["client"] == "docker-agent":
        agent = {"user-agent": f"cagent/{case['setup']['version'] or 'unknown'}"}
        return {**json_alone, **agent, "x-api-key": "REDACTED", "accept-encoding": "gzip"}
    fetch = {**json_alone, "connection": "keep-alive", "accept": "*/*"}
    if name == "bun":
        return {**fetch, "user-agent": f"Bun/{rest}", "accept-encoding": "gzip, deflate, br, zstd"}
    node = {"user-agent": "node", "accept-encoding": "gzip, deflate"}
    return {**fetch, **node, "accept-language": "*", "sec-fetch-mode": "cors"}


# Ours ---------------------------------------------------------------------------------------------------------------


def _check_ours(expected: list[tuple[Call | None, dict[str, Any]]], replayed: Outcome, report: Report) -> None:
    """Every event of the calls, in their order, whole; and no other."""
    if len(expected) != len(replayed.kept):
        report.failures.append(f"ours: {len(replayed.kept)} events, expected {len(expected)}")
    for (_, wanted), kept in zip(expected, replayed.kept, strict=False):
        body = _parsed(kept.body.decode(), report)
        if json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() != kept.body:
            report.failures.append(f"ours: not compact: {kept.body!r}")
        report.failures += [f"ours: {difference}" for difference in differences(wanted, body, "body")]
    if not report.failures and len(identifiers := {_id(json.loads(kept.body)) for kept in replayed.kept}) > 1:
        report.failures.append(f"ours: one installation, several ids {identifiers}")


def _id(body: Any) -> str:
    return body["records"][0]["properties"].get("user_uuid") if "records" in body else body.get("actor_anonymous_id")


def _check_sending(
    case: Mapping[str, Any], expected: list[tuple[Call | None, Any]], replayed: Outcome, report: Report
) -> None:
    """Each event arrived once, or waits, or was refused for good: as the server of the case has it."""
    server = case["server"]
    said_in_time = sum(call is not None for call, _ in expected)
    kept = replayed.kept[:said_in_time]
    by_key = {one.key: one for one in replayed.kept}
    for request in replayed.requests:
        _check_our_request(case, request, by_key, report)
    arrived = [request.header("Idempotency-Key") for request in replayed.requests]
    if never_answers(server):
        wanted = {"pending"}
        in_order = not kept or server.get("refused") or set(arrived) == {kept[0].key}
    else:
        wanted = {"sent"} if 200 <= server.get("status", 200) < 300 else {"dropped"}
        in_order = arrived[: len(kept)] == [one.key for one in kept] and len(set(arrived)) == len(arrived)
    if {one.state for one in kept} - wanted or not in_order:
        report.failures.append(f"ours: {[one.state for one in kept]}, {len(arrived)} requests; expected {wanted}")


def _check_our_request(case: Mapping[str, Any], request: Request, kept: dict[str, Kept], report: Report) -> None:
    key = request.header("Idempotency-Key") or ""
    if key not in kept or kept[key].body != request.body:
        report.failures.append(f"ours: sent what the ledger does not hold: {request.body!r}")
    headers = dict(request.headers)
    headers.pop("Host", None)
    version = agent_swarm.PACKAGE if case["client"] == "agent-swarm" else kinds.version_of(case["setup"]["version"])
    expected = {
        "Content-Type": "application/json",
        "User-Agent": f"{PRODUCTS[case['client']]}/{version}",
        "Idempotency-Key": key,
        "Content-Length": str(len(request.body)),
        **({"X-Api-Key": API_KEY} if case["client"] == "docker-agent" else {}),
    }
    said = [request.method, request.path, _sorted(headers)]
    wanted = ["POST", PATHS[case["client"]], _sorted(expected)]
    report.failures += [f"ours: request{difference}" for difference in differences(wanted, said)]
    report.reasons["bare_headers"] += 1


def _check_identity(case: Mapping[str, Any], calls: list[Call], replayed: Outcome, report: Report) -> None:
    """What was stored before and is stored after, on both sides."""
    if case["client"] != "agent-swarm":
        return
    observed, writes = case["observed"], agent_swarm.config_writes(case)
    if observed["config_writes"] != writes:
        report.failures.append(f"golden: wrote {observed['config_writes']}, expected {writes}")
    sent = {json.loads(request["body"]).get("actor_anonymous_id") for request in case["requests"] if request["body"]}
    if sent - {observed["installation_id"]}:
        report.failures.append(f"golden: sent as {sent}, installation_id is {observed['installation_id']!r}")
    speaks = kinds.consents(case["env"]) and any(kinds.consents(call.environ) for call in calls)
    expected = _stores(case) if speaks and case["setup"].get("init") is not False else []
    before: dict[str, str] = case["setup"].get("config") or {}
    written = sorted(key for key, value in replayed.stored.items() if before.get(key) != value)
    if written != sorted(expected):
        report.failures.append(f"ours: wrote {written}, expected {sorted(expected)}")


def _stores(case: Mapping[str, Any]) -> list[str]:
    """The keys that we write: an id with its day where there was none, and the key that the hashes need."""
    setup = case["setup"]
    config: dict[str, str] = setup.get("config") or {}
    unwritable = setup.get("failWrite")
    mints = setup.get("options", {}).get("generateIfMissing")
    if not mints or agent_swarm.fails(setup.get("failRead"), agent_swarm.ID):
        return []
    new = not kinds.valid_id(config.get(agent_swarm.ID))
    if new and agent_swarm.fails(unwritable, agent_swarm.ID):
        return [] if agent_swarm.fails(unwritable, agent_swarm.INSTALLED_AT) else [agent_swarm.INSTALLED_AT]
    keys = [agent_swarm.ID, agent_swarm.INSTALLED_AT, REFERENCE_KEY] if new else [REFERENCE_KEY]
    unreadable = setup.get("failRead")
    return [key for key in keys if not (agent_swarm.fails(unwritable, key) or agent_swarm.fails(unreadable, key))]
