"""Markdown as a tree of elements that the page makes nodes of; never as HTML text.

The parser is markdown-it-py (extra ``page``), by CommonMark 0.31 with the tables and strike-through of GitHub; HTML in
it stays text. Links lead to ``http``, ``https`` and ``mailto`` alone, and an image is its description.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ELEMENTS", "Element", "has_markup", "markdown_parser", "markdown_tree"]

ELEMENTS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "hr"}
    | {"br", "a", "table", "thead", "tbody", "tr", "th", "td"}
)
"""All that a tree may hold."""
_LINK = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
_MARKUP = re.compile(r"[*_`#>|~\[\]\\]|^\s*(?:[-+]|\d+[.)])\s|^\s*(?:---|===)|\n|  $|&\w+;|<\w", re.MULTILINE)
_DEEPEST = 40


class _Named(TypedDict):
    tag: str
    of: list[Any]


class Element(_Named, total=False):
    """``of`` are texts and elements; ``href`` is a link's, ``start`` an ordered list's, ``lang`` that of code."""

    href: str
    start: int
    lang: str


def has_markup(text: str) -> bool:
    """Whether a text may be anything but one paragraph of plain words."""
    return _MARKUP.search(text) is not None


def markdown_tree(text: str) -> list[Element | str] | None:
    """The text's elements; None where the parser is not installed."""
    parser = markdown_parser()
    if parser is None:
        return None
    return _tree(parser.parse(text))


@lru_cache(maxsize=1)
def markdown_parser() -> Any:
    """The parser; None where it is not installed."""
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        return None
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _tree(tokens: Iterable[Any]) -> list[Element | str]:
    """Tokens that open and close, as a tree; what is too deep stands at the deepest level."""
    top: list[Element | str] = []
    stack: list[list[Any]] = [top]
    opened: list[bool] = []
    for token in tokens:
        if token.nesting < 0:
            if opened and opened.pop():
                stack.pop()
            continue
        element = _element(token)
        if element is not None:
            stack[-1].append(element)
        elif token.type == "inline":
            stack[-1].extend(_tree(token.children or ()))
        elif token.nesting == 0:
            _add_text(stack[-1], token)
        if token.nesting > 0:
            opened.append(element is not None and len(stack) < _DEEPEST)
            if element is not None and opened[-1]:
                stack.append(element["of"])
    return top


def _element(token: Any) -> Element | None:
    if token.type in {"fence", "code_block"}:
        code: Element = {"tag": "pre", "of": [token.content.removesuffix("\n")]}
        if lang := token.info.split():
            code["lang"] = lang[0]
        return code
    if token.type == "code_inline":
        return {"tag": "code", "of": [token.content]}
    if token.type in {"hr", "hardbreak"}:
        return {"tag": "hr" if token.type == "hr" else "br", "of": []}
    if token.nesting <= 0 or token.tag not in ELEMENTS or token.hidden:
        return None
    element: Element = {"tag": token.tag, "of": []}
    if token.tag == "a":
        href = str(token.attrGet("href") or "")
        if not _LINK.fullmatch(href):
            return None
        element["href"] = href
    if token.tag == "ol" and isinstance(start := token.attrGet("start"), int):
        element["start"] = start
    return element


def _add_text(into: list[Any], token: Any) -> None:
    text: str = {"softbreak": "\n", "image": f"[image: {token.content}]"}.get(str(token.type), str(token.content))
    if into and isinstance(into[-1], str):
        into[-1] += text
    elif text:
        into.append(text)
