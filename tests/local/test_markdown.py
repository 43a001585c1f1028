"""Markdown as a tree of elements, and never as anything else."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_agent_telemetry.local.read.talk import _markdown
from otel_agent_telemetry.local.read.talk._markdown import ELEMENTS, has_markup, markdown_tree

PIECES = st.sampled_from(
    [
        *("# ", "- ", "1. ", "> ", "```", "\n", "\n\n", "*", "**", "_", "`", "[a](", "http://x.y/z)", "javascript:x)"),
        *("<b>", "</b>", "<img src=x onerror=x>", "![i](http://x.y/i.png)", "| a | b |\n|---|---|\n", "~~", "\\"),
        *("&lt;", "word "),
    ]
)
CONSTRUCTS: list[tuple[str, list[Any]]] = [
    ("one **two**", [{"tag": "p", "of": ["one ", {"tag": "strong", "of": ["two"]}]}]),
    ("### a\n---", [{"tag": "h3", "of": ["a"]}, {"tag": "hr", "of": []}]),
    ("3. a\n4. b", [{"tag": "ol", "start": 3, "of": [{"tag": "li", "of": ["a"]}, {"tag": "li", "of": ["b"]}]}]),
    ("```py\nx < 1\n```", [{"tag": "pre", "lang": "py", "of": ["x < 1"]}]),
    ("[a](https://x.y)", [{"tag": "p", "of": [{"tag": "a", "of": ["a"], "href": "https://x.y"}]}]),
    ("[a](/path) [b](file:///x)", [{"tag": "p", "of": ["a [b](file:///x)"]}]),
    ("![cat](https://x.y/cat.png)", [{"tag": "p", "of": ["[image: cat]"]}]),
    ("<b>x</b>\n\n<div>y</div>", [{"tag": "p", "of": ["<b>x</b>"]}, {"tag": "p", "of": ["<div>y</div>"]}]),
]


def walk(nodes: list[Any]) -> list[dict[str, Any]]:
    """Every element of a tree."""
    found: list[dict[str, Any]] = []
    for node in nodes:
        if isinstance(node, dict):
            found += [node, *walk(node["of"])]  # pyright: ignore[reportUnknownArgumentType] - a tree of dictionaries
    return found


@settings(deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=200))
def test_only_known_elements_come_out(text: str) -> None:
    """Whatever is written, a tree has elements of the list, and links that lead to the web or to mail alone."""
    for element in walk(markdown_tree(text) or []):
        assert element["tag"] in ELEMENTS
        assert set(element) <= {"tag", "of", "href", "start", "lang"}
        assert ("href" in element) == (element["tag"] == "a")
        assert element.get("href", "http://").startswith(("http://", "https://", "mailto:"))


@pytest.mark.parametrize(("text", "tree"), CONSTRUCTS)
def test_each_construct_is_an_element(text: str, tree: list[object]) -> None:
    """Emphasis, headings, lists, code, links; what may not be a link or an element stays words."""
    assert markdown_tree(text) == tree


def test_what_nests_deep_ends() -> None:
    """No depth that a reader could not follow, and every word is kept."""
    elements = walk(markdown_tree("> " * 3000 + "a") or [])
    assert 0 < len(elements) <= 60


@pytest.mark.parametrize(("text", "has"), [("plain words, and more.", False), ("*so*", True), ("a\nb", True)])
def test_plain_words_need_no_parser(text: str, has: bool) -> None:  # noqa: FBT001 - what a parameter of a test is
    """A text without markup is known quickly."""
    assert has_markup(text) is has


def test_without_the_parser_there_is_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra ``page`` is not installed, texts are shown as they are."""
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    _markdown.markdown_parser.cache_clear()
    try:
        assert markdown_tree("**a**") is None
    finally:
        _markdown.markdown_parser.cache_clear()
