"""What was said in two runs, compared as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from otel_agent_telemetry.cli import main
from otel_agent_telemetry.local.read.talk._text_diff import diff_texts
from tests.local.made import Made, agent, chat, request, span_id, trace_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.local.serving import Serving

TEXTS = st.lists(st.sampled_from(["the van", " is ", "late", "\n", "early", "  ", "«", "7"]), max_size=40).map("".join)


def run(trace: int, answer: str) -> Any:
    """A session of one trace with one model call."""
    content = {
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": "and my order?"}]}]
        ),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answer}]}]),
        "temperature": trace,
    }
    return request(
        Made(name="run", id=1, attributes={**agent(), "gen_ai.conversation.id": f"talk-{trace}"}),
        Made(name="chat gpt-fake", id=2, parent=1, start=1, end=50, attributes={**chat(), **content}),
        trace=trace,
    )


@pytest.fixture
def filled(server: Serving) -> Serving:
    """Two sessions whose answers differ in a word."""
    for trace, answer in ((1, "It is late.\nSorry."), (2, "It is early.\nSorry.")):
        server.post("/v1/traces", run(trace, answer).SerializeToString())
    server.settled()
    return server


@given(TEXTS, TEXTS)
def test_both_texts_are_in_the_pieces(a: str, b: str) -> None:
    """Without what was added the pieces are the first text, without what was removed the second; none is empty."""
    pieces = diff_texts(a, b)
    assert "".join(piece["text"] for piece in pieces if piece["change"] != "added") == a
    assert "".join(piece["text"] for piece in pieces if piece["change"] != "removed") == b
    assert all(piece["text"] for piece in pieces)


def test_words_are_compared_in_lines_that_changed() -> None:
    """A word that changed stands alone."""
    assert diff_texts("one\nIt is late.\n", "one\nIt is early.\n") == [
        {"change": "same", "text": "one\nIt is "},
        {"change": "removed", "text": "late"},
        {"change": "added", "text": "early"},
        {"change": "same", "text": ".\n"},
    ]


def test_two_long_texts_are_compared_as_a_whole() -> None:
    """What has too many lines is no patchwork, and takes no time."""
    a, b = "a\n" * 3000, "b\n" * 3000
    assert diff_texts(a, b) == [{"change": "removed", "text": a}, {"change": "added", "text": b}]


def test_spans_are_compared(filled: Serving) -> None:
    """Messages by word, then the attributes that differ and are no content."""
    query = f"a={trace_id(1)}&span_a={span_id(2)}&b={trace_id(2)}&span_b={span_id(2)}"
    said = filled.get(f"/api/diff/spans?{query}")["said"]
    assert said == [
        {
            "what": "messages",
            "pieces": [
                {"change": "same", "text": "[user]\nand my order?\n[assistant]\nIt is "},
                {"change": "removed", "text": "late"},
                {"change": "added", "text": "early"},
                {"change": "same", "text": ".\nSorry."},
            ],
        },
        {"what": "temperature", "pieces": [{"change": "removed", "text": "1"}, {"change": "added", "text": "2"}]},
    ]


def test_sessions_are_compared_without_content(filled: Serving) -> None:
    """Which turns differ is told; what was said only where that is asked for."""
    body = filled.send("GET", "/api/diff/sessions?a=talk-1&b=talk-2").body
    [row] = json.loads(body)["rows"]
    assert (row["change"], row["pieces"], b"early" in body) == ("changed", [], False)
    asked = filled.get("/api/diff/sessions?a=talk-1&b=talk-2&content=true")["rows"][0]["pieces"]
    assert [piece["text"] for piece in asked if piece["change"] != "same"] == ["late", "early"]


def test_what_was_said_is_a_difference(filled: Serving) -> None:
    """Two traces that differ in nothing else are not the same; where nothing was said, nothing differs."""
    compared = filled.get(f"/api/diff?a={trace_id(1)}&b={trace_id(2)}")["rows"]
    assert [(row["change"], row["changes"]) for row in compared] == [("same", []), ("changed", ["text"])]
    itself = filled.get(f"/api/diff?a={trace_id(1)}&b={trace_id(1)}")["rows"]
    assert [row["change"] for row in itself] == ["same", "same"]
    told = CliRunner().invoke(main, ["diff", trace_id(1), trace_id(2), "--db", str(filled.path)]).stdout
    assert ("text" in told, "early" in told) == (True, False)


def test_the_page_compares_texts(page: Page, filled: Serving) -> None:
    """Each pair of spans unfolds to what both say."""
    page.goto(f"{filled.url}/?view=diff&all=on&a={trace_id(1)}&b={trace_id(2)}")
    page.get_by_role("button", name="Compare what chat gpt-fake says").click()
    page.locator(".text-diff").first.wait_for()
    assert page.locator(".text-diff :is(del, ins)").all_inner_texts() == ["late", "early", "1", "2"]


def test_the_page_compares_sessions(page: Page, filled: Serving) -> None:
    """From a session to another one, turn by turn, with what was said on demand, also on a phone."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{filled.url}/?view=session&id=talk-1")
    page.get_by_role("link", name="compare", exact=True).click()
    page.get_by_label("B", exact=True).fill("talk-2")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("button", name="Compare what was said").click()
    page.locator(".text-diff").wait_for()
    assert page.locator(".text-diff :is(del, ins)").all_inner_texts() == ["late", "early"]
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 390


def test_the_terminal_compares_texts(filled: Serving) -> None:
    """Lines that went and that came, of spans and of sessions, with --content alone."""
    of_traces = ["diff", trace_id(1), trace_id(2), "--db", str(filled.path)]
    of_sessions = ["diff", "--session", "talk-1", "talk-2", "--db", str(filled.path)]
    for command in (of_traces, of_sessions):
        quiet = CliRunner().invoke(main, command).stdout
        lines = [line.strip() for line in CliRunner().invoke(main, [*command, "--content"]).stdout.splitlines()]
        assert ("late" in quiet, "- It is late." in lines, "+ It is early." in lines) == (False, True, True)
