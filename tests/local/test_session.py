"""A session as one conversation: on the page, from the API, and in the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_agent_telemetry.cli import main
from tests.local.made import Made, agent, any_value, chat, request, span_id, tool, trace_id
from tests.local.serving import JSON, Serving

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

ANSWER = "It is **on its way**.\n\n- van 7\n- [track it](https://example.com/7)\n- [not this](javascript:alert(1))\n"
IN_SESSION: dict[str, object] = {"gen_ai.conversation.id": "talk-1"}
IMAGE = {"type": "image", "mime_type": "image/png", "content": "iVBORw0KGgo=" * 100}


def text(role: str, said: object) -> dict[str, object]:
    """A message of one part, which is a text or the part itself."""
    part: object = {"type": "text", "content": said} if isinstance(said, str) else said
    return {"role": role, "parts": [part]}


def call(
    number: int,
    given: list[Any],
    made: list[Any],
    *,
    parent: int = 1,
    start: int = 0,
    more: dict[str, object] | None = None,
) -> Made:
    """A model call with what it was given and made."""
    content = {"gen_ai.input.messages": json.dumps(given), "gen_ai.output.messages": json.dumps(made)}
    attributes = {**chat(), **content, **(more or {})}
    return Made(name="chat gpt-fake", id=number, parent=parent, start=start, end=start + 5, attributes=attributes)


def run(*, trace: int, question: str, history: list[Any], answer: str) -> tuple[Any, list[Any]]:
    """A trace of the session, a second after the one before, and what was said by its end."""
    asked = [*history, text("user", question)]
    called = text(
        "assistant", {"type": "tool_call", "id": f"call-{trace}", "name": "search", "arguments": {"q": trace}}
    )
    found = text("tool", {"type": "tool_call_response", "id": f"call-{trace}", "response": f"found {trace}"})
    told = text("assistant", answer)
    ran = {**tool(), "gen_ai.tool.call.id": f"call-{trace}", "gen_ai.tool.call.result": f"found {trace}"}
    made = request(
        Made(name="run", id=1, end=100, attributes={**agent(), "gen_ai.conversation.id": "talk-1"}),
        call(2, asked, [called], start=1),
        Made(name="execute_tool search", id=3, parent=1, start=10, end=20, attributes=ran),
        call(4, [*asked, called, found], [told], start=30),
        trace=trace,
        start_ns=1_795_298_968 * 10**9 + trace * 10**9,
    )
    return made, [*asked, called, found, told]


def fill(server: Serving, *, turns: int = 2, answer: str = ANSWER) -> None:
    """A session of that many traces, each with the whole history."""
    history: list[Any] = []
    for trace in range(1, turns + 1):
        made, history = run(trace=trace, question=f"question {trace}?", history=history, answer=answer)
        assert server.post("/v1/traces", made.SerializeToString()).status == 200
    server.settled()


def said(page: dict[str, Any]) -> list[tuple[int, list[tuple[str, str, str | None]]]]:
    """Of each turn, how much was earlier, and kind, text and result of what is new."""
    return [
        (turn["earlier"], [(it["kind"], it["text"], it["result"] and it["result"]["text"]) for it in turn["messages"]])
        for turn in page["turns"]
    ]


def test_each_turn_is_said_once(server: Serving) -> None:
    """Across the session's traces, history is counted, and a tool's result stands with its call."""
    fill(server, answer="on its way")
    assert said(server.get("/api/sessions/talk-1?content=true")) == [
        (0, [("text", "question 1?", None), ("tool_call", '{\n  "q": 1\n}', "found 1")]),
        (3, [("text", "on its way", None)]),
        (4, [("text", "question 2?", None), ("tool_call", '{\n  "q": 2\n}', "found 2")]),
        (7, [("text", "on its way", None)]),
    ]


def test_figures_are_those_of_the_list(server: Serving) -> None:
    """Tokens of the turns add up to those of the session."""
    fill(server)
    shown = server.get("/api/sessions/talk-1")
    [row] = server.get("/api/sessions")["sessions"]
    assert shown["session"] == row
    assert sum(turn["input_tokens"] or 0 for turn in shown["turns"]) == row["input_tokens"] == 400


def test_content_is_told_only_on_demand(server: Serving) -> None:
    """Without content=true the names of tools are there, and nothing that was said."""
    fill(server)
    body = server.send("GET", "/api/sessions/talk-1").body
    assert (b"search" in body, b"question" in body, b"van 7" in body, b"found" in body) == (True, False, False, False)


@pytest.mark.parametrize(("given", "status"), [("talk-1", 200), ("talk", 200), ("talk-2", 404)])
def test_a_session_is_found_by_its_beginning(server: Serving, given: str, status: int) -> None:
    """A whole id or one that begins so; where there is none, the answer says what lists them."""
    fill(server, turns=1)
    reply = server.send("GET", f"/api/sessions/{given}")
    assert (reply.status, b"agent-telemetry sessions" in reply.body) == (status, status == 404)


def test_long_sessions_come_in_pages(server: Serving) -> None:
    """Pages join without a gap, a call stands on the page of its result, and no history is shown again."""
    fill(server, turns=12, answer="on its way")
    whole = server.get("/api/sessions/talk-1?content=true&limit=200")
    joined: list[Any] = []
    offset: int | None = 0
    while offset is not None:
        portion = server.get(f"/api/sessions/talk-1?content=true&limit=7&offset={offset}")
        joined += portion["turns"]
        offset = portion["next"]
    assert (joined, len(joined)) == (whole["turns"], 24)


def test_content_comes_from_the_span_that_has_it(server: Serving) -> None:
    """Where the call that counts has none, the span that repeats it speaks."""
    made = request(
        Made(name="run", id=1, end=100, attributes={**agent(), "gen_ai.conversation.id": "talk-1"}),
        call(2, [text("user", "hello")], [text("assistant", "hi")], start=1),
        Made(name="POST", id=3, parent=2, start=2, end=4, attributes=chat()),
    )
    server.post("/v1/traces", made.SerializeToString())
    server.settled()
    shown = server.get("/api/sessions/talk-1?content=true")
    assert said(shown) == [(0, [("text", "hello", None), ("text", "hi", None)])]
    assert sorted(shown["turns"][0]["spans"]) == [span_id(2), span_id(3)]


def test_a_run_speaks_where_its_calls_do_not(server: Serving) -> None:
    """Prompt and answer of an agent's run stand around the calls that recorded none."""
    content = {
        "gen_ai.input.messages": json.dumps([text("user", "hello")]),
        "gen_ai.output.messages": json.dumps([text("assistant", "hi")]),
    }
    made = request(
        Made(name="run", id=1, end=100, attributes={**agent(), "gen_ai.conversation.id": "talk-1", **content}),
        Made(name="chat", id=2, parent=1, start=2, end=4, attributes=chat()),
    )
    server.post("/v1/traces", made.SerializeToString())
    server.settled()
    turns = server.get("/api/sessions/talk-1?content=true")["turns"]
    assert [(turn["kind"], [it["text"] for it in turn["messages"]]) for turn in turns] == [
        ("agent", ["hello"]),
        ("model", []),
        ("agent", ["hi"]),
    ]


def test_what_is_asked_again_is_new(server: Serving) -> None:
    """The same words in a later turn, and of a service that keeps no history, are said again."""
    again = [text("user", "yes"), text("assistant", "ok"), text("user", "yes")]
    for number, given in ((1, again[:1]), (2, again), (3, again[:1])):
        made = request(
            call(1, given, [text("assistant", "ok")], parent=0, more=IN_SESSION),
            trace=number,
            start_ns=1_795_298_968 * 10**9 + number * 10**9,
        )
        server.post("/v1/traces", made.SerializeToString())
    server.settled()
    both = [("text", "yes", None), ("text", "ok", None)]
    assert said(server.get("/api/sessions/talk-1?content=true")) == [(0, both), (2, both), (0, both)]


def test_the_page_shows_a_conversation(page: Page, server: Serving) -> None:
    """From the list of sessions: roles, calls with their results, Markdown as elements, and the way to a span."""
    fill(server)
    page.goto(f"{server.url}/?view=sessions")
    page.get_by_role("link", name="talk-1").click()
    page.locator(".markdown strong", has_text="on its way").first.wait_for()
    assert page.locator(".turn").first.locator(".who").all_inner_texts() == [
        "user",
        "assistant calls search",
        "↳ gives back · 10.0 ms",
    ]
    assert page.locator(".markdown").first.locator("li").all_inner_texts() == [
        "van 7",
        "track it",
        "[not this](javascript:alert(1))",
    ]
    links = page.locator(".markdown").first.locator("a")
    assert links.evaluate_all("all => all.map((a) => [a.getAttribute('href'), a.rel])") == [
        ["https://example.com/7", "noopener noreferrer"]
    ]
    page.locator(".turn").first.get_by_role("link", name="gives back").click()
    page.get_by_role("complementary", name="Span").get_by_text("execute_tool search", exact=True).wait_for()


def test_earlier_messages_are_unfolded(page: Page, server: Serving) -> None:
    """History is a line until somebody wants it."""
    fill(server, answer="on its way")
    page.goto(f"{server.url}/?view=session&id=talk-1")
    turn = page.locator(".turn").nth(2)
    turn.get_by_text("4 earlier messages").click()
    turn.locator(".earlier .message").first.wait_for()
    assert turn.locator(".earlier .message").first.inner_text() == "user\nquestion 1?"


def test_an_image_is_a_placeholder(page: Page, server: Serving) -> None:
    """Type and size stand for it; its bytes are not sent to the page."""
    made = request(call(1, [text("user", IMAGE)], [text("assistant", "a cat")], parent=0, more=IN_SESSION))
    server.post("/v1/traces", made.SerializeToString())
    server.settled()
    page.goto(f"{server.url}/?view=session&id=talk-1")
    page.get_by_text("image/png · 900 bytes").wait_for()
    assert b"iVBOR" not in server.send("GET", "/api/sessions/talk-1?content=true").body


def test_markup_in_messages_stays_text(page: Page, server: Serving) -> None:
    """HTML in Markdown, in arguments and in names is shown as it is written."""
    evil = "# <img src=x onerror=window.hacked=1>\n\n<script>window.hacked=1</script> [x](javascript:hacked=1)"
    fill(server, answer=evil)
    page.goto(f"{server.url}/?view=session&id=talk-1")
    page.get_by_role("heading", name="<img src=x onerror=window.hacked=1>").first.wait_for()
    hacked = "[window.hacked, document.querySelectorAll('main img, main script, main a[href^=javascript]').length]"
    assert page.evaluate(hacked) == [None, 0]


def test_a_session_grows_on_the_page(page: Page, server: Serving) -> None:
    """While it is open, what arrives is there by itself, and what is being typed stays."""
    fill(server, turns=1)
    page.goto(f"{server.url}/?view=session&id=talk-1")
    page.get_by_text("live", exact=True).wait_for()
    page.locator(".turn").first.get_by_text("Note or score").click()
    page.locator(".turn").first.get_by_label("Note", exact=True).fill("a note that is being")
    fill(server, turns=2)
    page.get_by_text("question 2?").wait_for(timeout=5000)
    page.keyboard.type(" written")
    assert page.locator(".turn").first.get_by_label("Note", exact=True).input_value() == "a note that is being written"


def test_a_session_fits_a_phone_and_the_keyboard(page: Page, server: Serving) -> None:
    """Nothing is wider than 390 pixels, everything has a name, and j goes from turn to turn."""
    fill(server, answer=ANSWER + "```\n" + "long " * 100 + "\n```\n\n| a | b |\n|---|---|\n| " + "x" * 300 + " | y |\n")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server.url}/?view=session&id=talk-1")
    page.locator(".markdown table").first.wait_for()
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 390
    nameless = "all => all.filter((n) => !(n.ariaLabel || n.textContent.trim() || n.labels?.length)).length"
    assert page.locator("main :is(a, button, input, textarea, summary)").evaluate_all(nameless) == 0
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.turn').dataset.span") == span_id(4)


def test_an_unknown_session_is_named(browser: Browser, server: Serving) -> None:
    """What is not there is said, with a way back."""
    fill(server, turns=1)
    unwatched = browser.new_page()
    unwatched.goto(f"{server.url}/?view=session&id=none")
    unwatched.get_by_role("heading", name="There is no such session").wait_for()
    unwatched.get_by_text("no session 'none' in this store").wait_for()
    unwatched.get_by_role("link", name="All sessions").click()
    unwatched.get_by_role("link", name="talk-1").wait_for()
    unwatched.close()


def test_judgements_are_shown_and_given(page: Page, server: Serving) -> None:
    """A good or bad, or a note with a score, is there at once, after a reload, on the span, and marks the lists."""
    fill(server, turns=1)
    page.goto(f"{server.url}/?view=session&id=talk-1")
    turn = page.locator(".turn").nth(1)
    turn.get_by_role("button", name="Say that this is good").click()
    turn.get_by_text("user_feedback 1, good").wait_for()
    turn.get_by_text("Note or score").click()
    turn.get_by_label("Score").fill("0.25")
    turn.get_by_label("Note", exact=True).fill("too short")
    turn.get_by_role("button", name="Keep").click()
    turn.get_by_text("too short").wait_for()
    page.reload()
    page.locator(".turn").nth(1).get_by_text("user_feedback 0.25 — too short").wait_for()
    page.goto(f"{server.url}/?view=trace&id={trace_id()}&span={span_id(4)}")
    page.get_by_role("complementary", name="Span").get_by_text("too short").wait_for()
    for view in ("traces", "sessions"):
        page.goto(f"{server.url}/?view={view}")
        page.get_by_role("img", name="2 judgements: user_feedback 1 good; user_feedback 0.25").wait_for()


def test_a_note_that_is_being_written_outlives_what_arrives(page: Page, server: Serving) -> None:
    """The page follows the session; what somebody types into a note stays, and goes on being typed."""
    fill(server, turns=1)
    page.goto(f"{server.url}/?view=session&id=talk-1")
    turn = page.locator(".turn").nth(1)
    turn.get_by_text("Note or score").click()
    turn.get_by_label("Note", exact=True).press_sequentially("too ")
    given = {"trace_id": trace_id(), "span_id": span_id(4), "name": "helpful", "score": 1, "explanation": "by another"}
    assert server.post("/api/feedback", json.dumps(given).encode(), JSON).status == 200
    turn.get_by_text("by another").wait_for()
    page.keyboard.type("short")
    turn.get_by_role("button", name="Keep").click()
    turn.get_by_text("too short").wait_for()


def test_a_judgement_is_exported(server: Serving) -> None:
    """It is a log record of the span, with the answer's and the session's ids."""
    made = request(
        call(
            1,
            [],
            [text("assistant", "hi")],
            parent=0,
            more={**IN_SESSION, "gen_ai.response.id": "r-1"},
        )
    )
    server.post("/v1/traces", made.SerializeToString())
    server.settled()
    given = {"trace_id": trace_id(), "span_id": span_id(1), "name": "helpful", "score": 1, "explanation": "good"}
    assert server.post("/api/feedback", json.dumps(given).encode(), JSON).status == 200
    out = CliRunner().invoke(main, ["export", trace_id(), "--db", str(server.path)]).stdout.splitlines()
    [record] = json.loads(out[1])["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert (record["eventName"], record["traceId"], record["spanId"]) == (
        "gen_ai.evaluation.result",
        trace_id(),
        span_id(1),
    )
    assert {pair["key"]: next(iter(pair["value"].values())) for pair in record["attributes"]} == {
        "gen_ai.evaluation.name": "helpful",
        "gen_ai.evaluation.score.value": 1,
        "gen_ai.evaluation.explanation": "good",
        "gen_ai.response.id": "r-1",
        "gen_ai.conversation.id": "talk-1",
    }


GOOD = {"trace_id": trace_id(), "span_id": span_id(1), "score": 1}


@pytest.mark.parametrize(
    ("given", "media", "headers", "status"),
    [
        ({**GOOD, "span_id": None}, JSON, {}, 200),
        (GOOD, "text/plain", {}, 415),
        (GOOD, JSON, {"Origin": "http://elsewhere.example"}, 403),
        (GOOD, JSON, {"Host": "elsewhere.example"}, 403),
        ({**GOOD, "trace_id": trace_id(9)}, JSON, {}, 404),
        ({**GOOD, "span_id": span_id(9)}, JSON, {}, 404),
        ({**GOOD, "trace_id": "zz"}, JSON, {}, 400),
        ({**GOOD, "score": "1"}, JSON, {}, 400),
        ({**GOOD, "score": True}, JSON, {}, 400),
        ({**GOOD, "score": 10**400}, JSON, {}, 400),
        ({**GOOD, "score": None}, JSON, {}, 400),
        ({**GOOD, "label": "x" * 101}, JSON, {}, 400),
        ([GOOD], JSON, {}, 400),
    ],
)
def test_who_may_judge_and_how(
    server: Serving, given: object, media: str, headers: dict[str, str], status: int
) -> None:
    """A page of another site, an id that is not there, and what is no judgement are refused, and nothing is kept."""
    server.post("/v1/traces", request(call(1, [], [], parent=0)).SerializeToString())
    reply = server.post("/api/feedback", json.dumps(given).encode(), media, **headers)
    assert (reply.status, server.count("logs")) == (status, int(status == 200))


def test_a_token_is_demanded_for_judging(tmp_path: Path) -> None:
    """Behind a token, only its holder may write."""
    with Serving(tmp_path / "guarded.sqlite", token="a-token-of-some-length") as guarded:  # noqa: S106 - a test's own
        assert guarded.post("/api/feedback", json.dumps(GOOD).encode(), JSON).status == 401


def test_judgements_of_others_are_shown(server: Serving) -> None:
    """An event of the span, and a log record of an evaluator, are both of the turn; of the whole trace is neither."""
    made = request(call(1, [], [text("assistant", "hi")], parent=0, more=IN_SESSION))
    event = made.resource_spans[0].scope_spans[0].spans[0].events.add(name="gen_ai.evaluation.result", time_unix_nano=1)
    event.attributes.append(KeyValue(key="gen_ai.evaluation.name", value=any_value("relevance")))
    server.post("/v1/traces", made.SerializeToString())
    logs = ExportLogsServiceRequest()
    record = (
        logs.resource_logs.add()
        .scope_logs.add()
        .log_records.add(event_name="gen_ai.evaluation.result", time_unix_nano=2, trace_id=bytes.fromhex(trace_id()))
    )
    record.attributes.append(KeyValue(key="gen_ai.evaluation.score.value", value=any_value(3)))
    server.post("/v1/logs", logs.SerializeToString())
    server.settled()
    shown = server.get("/api/sessions/talk-1?content=true")
    [turn] = shown["turns"]
    assert [(each["name"], each["score"]) for each in turn["feedback"]] == [("relevance", None)]
    assert [(each["name"], each["score"], each["span_id"]) for each in shown["feedback"]] == [("feedback", 3.0, None)]


def test_the_terminal_shows_a_conversation(server: Serving) -> None:
    """Roles, folded history, calls with their results; without --content the names of tools alone."""
    fill(server, turns=2, answer="on its way")
    show = ["show", "--session", "talk", "--db", str(server.path)]
    lines = CliRunner().invoke(main, [*show, "--content"]).stdout.splitlines()
    assert lines[0] == "session talk-1"
    assert lines[lines.index("  (4 earlier messages)") :][:7] == [
        "  (4 earlier messages)",
        "  user",
        "    question 2?",
        "  assistant calls search",
        '    { "q": 2 }',
        "  search gives back, 10.0 ms",
        "    found 2",
    ]
    quiet = CliRunner().invoke(main, show)
    assert ("assistant calls search" in quiet.stdout, "question" in quiet.stdout) == (True, False)
    assert "--content prints what was said" in quiet.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a TRACE"),
        (["latest", "--session", "talk-1"], "name a TRACE"),
        (["--session", "none"], "no session 'none' in this store; `agent-telemetry sessions` lists them"),
    ],
)
def test_the_terminal_says_what_it_needs(server: Serving, arguments: list[str], says: str) -> None:
    """A trace or a session, and one that is there; exit code 2."""
    fill(server, turns=1)
    done = CliRunner().invoke(main, ["show", *arguments, "--db", str(server.path)])
    assert (done.exit_code, says in done.output) == (2, True)
