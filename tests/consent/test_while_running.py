from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry import Telemetry, _losses
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.consent import Consent, Decision, store_choice
from otel_agent_telemetry.lifecycle import Lifecycle
from otel_agent_telemetry.meaning._records import Fact
from otel_agent_telemetry.pipeline.assemble import stream_of
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from otel_agent_telemetry.settings import Settings
from tests.cli.command import agent_telemetry
from tests.recorder import Answer, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRODUCT = "acme-agents"
BUSY = Answer(503, (("Retry-After", "3600"),))


@pytest.fixture(autouse=True)
def _events_flow_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    _losses.take()  # what other tests lost in this process
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")


@pytest.fixture
def telemetry(tmp_path: Path, recorder: Recorder) -> Iterator[Telemetry]:
    """Telemetry of a product whose event proxy asks for patience, so that events stay pending."""
    recorder.default = BUSY
    telemetry = Telemetry(product=PRODUCT, endpoint=recorder.url, state_dir=tmp_path, notice=False)
    yield telemetry
    telemetry.shutdown(0)


def counts(folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """How many events the ledger holds in each state, and how many are lost for which reason."""
    with closing(Ledger(ledger_file(str(folder), PRODUCT))) as ledger:
        return ledger.counts(), ledger.drops()


def emit(telemetry: Telemetry, port: int) -> bool:
    """Record one event and see to it that it went as far as it may; always true."""
    telemetry.server_shutdown(sessions_processed=port)
    telemetry.flush(1)
    return True


def soon(what: Callable[[], bool]) -> None:
    """Return once that is so; an AssertionError after a time in which even a busy machine gets there."""
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_change_is_seen_at_once(tmp_path: Path) -> None:
    """No answer is older than the question, neither whether to record nor whether to keep and send."""
    environ = dict[str, str]()
    consent = Consent(state_dir=str(tmp_path), environ=environ)
    answers = [(consent.recordable(), consent.allowed())]
    environ["DO_NOT_TRACK"] = "1"
    answers.append((consent.recordable(), consent.allowed()))
    environ.clear()
    assert [*answers, (consent.recordable(), consent.allowed())] == [(True, True), (False, False), (True, True)]


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "TELEMETRY_ENABLED", "ACME_TELEMETRY", "OTEL_SDK_DISABLED"])
def test_each_variable_is_seen_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A variable of the real environment counts from the moment in which the program sets it."""
    consent = Consent(state_dir=str(tmp_path), opt_out_env="ACME_TELEMETRY")
    answers = [consent.recordable()]
    monkeypatch.setenv(name, {"DO_NOT_TRACK": "1", "OTEL_SDK_DISABLED": "true"}.get(name, "off"))
    answers.append(consent.recordable())
    monkeypatch.delenv(name)
    assert [*answers, consent.recordable()] == [True, False, True]


def test_what_happens_between_two_opt_ins(
    telemetry: Telemetry, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded while a variable says no is never kept, however soon after that it says yes again."""
    recorder.default = Answer()
    telemetry.server_shutdown(sessions_processed=80)
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    telemetry.server_shutdown(sessions_processed=81)
    telemetry.server_shutdown(sessions_processed=82)
    monkeypatch.delenv("DO_NOT_TRACK")
    telemetry.server_shutdown(sessions_processed=83)
    telemetry.flush(5)
    ports = [request.json()["properties"]["sessionsProcessed"] for request in recorder.requests]
    assert [port for port in ports if port != 80] == [83]


def test_a_variable_set_while_running(
    telemetry: Telemetry, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a variable says no, what is pending is deleted, and nothing more is kept or sent."""
    telemetry.server_shutdown(sessions_processed=80)
    recorder.wait(1)
    monkeypatch.setenv("ANONYMIZED_TELEMETRY", "false")
    soon(lambda: counts(tmp_path)[0]["pending"] == 0)
    telemetry.server_shutdown(sessions_processed=81)
    telemetry.flush(1)
    assert counts(tmp_path) == ({"pending": 0, "sent": 0, "dropped": 0}, {"opted_out": 1})
    assert len(recorder.requests) == 1


def test_the_command_off_while_running(telemetry: Telemetry, tmp_path: Path, recorder: Recorder) -> None:
    """``agent-telemetry off`` in another process deletes what is pending and stops the running one."""
    telemetry.server_shutdown(sessions_processed=80)
    recorder.wait(1)
    assert agent_telemetry("off", "--state-dir", tmp_path).code == 0
    assert counts(tmp_path) == ({"pending": 0, "sent": 0, "dropped": 0}, {"opted_out": 1})
    soon(lambda: emit(telemetry, 81) and counts(tmp_path)[0]["pending"] == 0)
    requests = recorder.requests
    emit(telemetry, 82)
    assert (counts(tmp_path)[0]["pending"], recorder.requests) == (0, requests)


def test_a_policy_that_comes_while_running(tmp_path: Path, recorder: Recorder) -> None:
    """A managed policy that is put in place deletes what is pending without a restart."""
    recorder.default = BUSY
    settings = Settings(product=PRODUCT, endpoint=recorder.url, state_dir=tmp_path)
    consent = Consent(state_dir=str(tmp_path), managed_policy=str(tmp_path / "policy.json"))
    stream = stream_of(Lifecycle(isolated=True), settings, consent)
    stream.emit([Fact("server.shutdown", {"sessionsProcessed": 80}, time.time_ns())])
    recorder.wait(1)
    (tmp_path / "policy.json").write_text('{"telemetry": "off"}')
    soon(lambda: counts(tmp_path)[0]["pending"] == 0)
    stream.close()
    assert counts(tmp_path) == ({"pending": 0, "sent": 0, "dropped": 0}, {"opted_out": 1})


def test_a_choice_taken_back(telemetry: Telemetry, tmp_path: Path, recorder: Recorder) -> None:
    """A program that began with consent goes on collecting once the user allows it again."""
    store_choice(str(tmp_path), enabled=False)
    reason = f"{tmp_path / 'consent.json'} says off"
    assert telemetry.decision() == Decision(enabled=False, rule="stored_choice", reason=reason)
    emit(telemetry, 80)
    store_choice(str(tmp_path), enabled=True)
    soon(lambda: emit(telemetry, 81) and bool(recorder.requests))
    assert recorder.requests[0].json()["properties"] == {"sessionsProcessed": 81}


def test_off_at_start(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that began without consent keeps and sends nothing, whatever is allowed later."""
    monkeypatch.setenv("TELEMETRY_ENABLED", "false")
    telemetry = Telemetry(product=PRODUCT, endpoint=recorder.url, state_dir=tmp_path, notice=False)
    monkeypatch.delenv("TELEMETRY_ENABLED")
    with telemetry.session(), telemetry.task("research"):
        telemetry.server_shutdown(sessions_processed=80)
    assert telemetry.flush(1)
    reason = "TELEMETRY_ENABLED=false"
    assert telemetry.decision() == Decision(enabled=False, rule="TELEMETRY_ENABLED", reason=reason)
    assert (list(tmp_path.iterdir()), recorder.quiet(0.2)) == ([], [])


@pytest.mark.parametrize("rule", [{"enabled": False}, {"opt_out_env": "ACME_TELEMETRY"}], ids=["argument", "variable"])
def test_an_opted_out_run_deletes_what_earlier_runs_left(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, rule: dict[str, Any]
) -> None:
    """What waits is deleted by a run that is opted out: a later yes does not send it."""
    recorder.default = BUSY
    telemetry = Telemetry(product=PRODUCT, endpoint=recorder.url, state_dir=tmp_path, notice=False)
    emit(telemetry, 80)
    telemetry.shutdown(0)
    monkeypatch.setenv("ACME_TELEMETRY", "off")
    Telemetry(product=PRODUCT, endpoint=recorder.url, state_dir=tmp_path, **rule)
    assert counts(tmp_path)[0] == {"pending": 0, "sent": 0, "dropped": 0}


def test_off_deletes_what_earlier_runs_left(tmp_path: Path, recorder: Recorder) -> None:
    """``agent-telemetry off`` deletes what earlier runs left pending, where no program runs any more."""
    recorder.answers.append(BUSY)
    for port in (80, 81):
        telemetry = Telemetry(product=PRODUCT, endpoint=recorder.url, state_dir=tmp_path, notice=False)
        telemetry.server_shutdown(sessions_processed=port)
        telemetry.flush(0.5)
        telemetry.shutdown(0)
    assert counts(tmp_path)[0]["pending"] == 2
    agent_telemetry("off", "--state-dir", tmp_path)
    assert counts(tmp_path) == ({"pending": 0, "sent": 0, "dropped": 0}, {"opted_out": 2})
