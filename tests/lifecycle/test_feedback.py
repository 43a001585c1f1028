"""What somebody thought of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lifecycle.acme import Acme, Operator, id_of, parent_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

RESULT = "gen_ai.evaluation.result"


def said(span: ReadableSpan) -> list[tuple[str, dict[str, Any]]]:
    """Name and attributes of a span's events."""
    return [(event.name, dict(event.attributes or {})) for event in span.events]


def test_it_is_an_event_of_the_current_span(operator: Operator) -> None:
    """Without further ado it is of what runs around it; all that was given is there."""
    with operator.calls.model_call("gpt-5.2"):
        operator.calls.feedback("helpful", score=1, label="good", explanation="to the point", response_id="r-1")
    [call] = operator.spans
    assert said(call) == [
        (
            RESULT,
            {
                "gen_ai.evaluation.name": "helpful",
                "gen_ai.evaluation.score.value": 1.0,
                "gen_ai.evaluation.score.label": "good",
                "gen_ai.response.id": "r-1",
                "gen_ai.evaluation.explanation": "to the point",
            },
        )
    ]


def test_it_is_of_the_handle_that_is_given(operator: Operator) -> None:
    """A handle that runs takes it, whatever is current."""
    with operator.calls.session(agent="planner") as session, operator.calls.tool("search"):
        operator.calls.feedback(score=0.5, on=session)
    tool, planner = operator.spans
    assert (said(tool), [name for name, _ in said(planner)]) == ([], [RESULT])


def test_it_comes_when_all_is_over(operator: Operator) -> None:
    """A user answers later: a span below the one that it is of has it, found by handle or by carrier."""
    with operator.calls.agent("planner") as planner:
        carrier = operator.calls.create_task("later")
    operator.calls.feedback(label="bad", on=planner)
    operator.calls.feedback(label="good", on=carrier)
    created, run, first, second = operator.spans
    later = [(span.name, parent_of(span), *said(span)[0][1].values()) for span in (first, second)]
    assert later == [
        (RESULT, id_of(run), "user_feedback", "bad"),
        (RESULT, id_of(created), "user_feedback", "good"),
    ]


def test_a_long_note_is_kept(operator: Operator) -> None:
    """Longer than other texts of ours, cut at ten thousand characters, and valid Unicode."""
    with operator.calls.tool("search"):
        operator.calls.feedback(explanation="\ud83d" + "x" * 20_000)
    [call] = operator.spans
    ((_, attributes),) = said(call)
    assert attributes["gen_ai.evaluation.explanation"] == "?" + "x" * 9_999


def test_what_is_no_number_is_left_out(operator: Operator) -> None:
    """A wrong value never raises into the program; what else was given stays."""
    call: Any = operator.calls.feedback
    with operator.calls.tool("search"):
        call(score=object(), label="good", on=7)
    [span] = operator.spans
    assert said(span) == [
        (RESULT, {"gen_ai.evaluation.name": "user_feedback", "gen_ai.evaluation.score.label": "good"})
    ]


def test_none_of_it_is_an_event(acme: Acme) -> None:
    """Nothing of it leaves, not that it was given either."""
    with acme.telemetry.session(agent="planner") as session:
        acme.telemetry.feedback("secret_name", score=1, label="secret_label", explanation="secret_note")
    before = len(acme.bodies)
    acme.telemetry.feedback("secret_name", explanation="secret_note", on=session)
    assert len(acme.bodies) == before
    assert not [body for body in acme.bodies if b"secret" in body or b"evaluation" in body]
