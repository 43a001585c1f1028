"""The fenced blocks of a page, and what the comment before each says a test does with it.

==========================  ========================================================================================
``file: NAME``              it is written to that file of the page's folder, and commands use it
``python``                  it is a program that ends well
``run``                     its commands end well
``run: background``         its commands go on until the page ends
``run: the collector …``    as ``run``, with a ``serve`` up
``install``                 its commands install what exists; not run, as that is what makes the environment
``dockerfile`` ``yaml``     its command ends well, with its variables
``policy``                  it is a managed policy
``not run: WHY``            it needs what a test of Python has not
==========================  ========================================================================================
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["PAGES", "Block", "blocks"]

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("[a-z]*.md"))]
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_SHOWN = {"text"}  # what is printed, not typed


class Block(NamedTuple):
    """A fenced block: what is to be done with it (``mark``, empty where nothing says it), its language and its text."""

    mark: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """What is typed: the lines of a console block that begin with a dollar sign, and all lines of a shell block."""
        if self.language != "console":
            return [self.text]
        joined = self.text.replace("\\\n", "")
        return [line[2:].partition("  #")[0].rstrip() for line in joined.splitlines() if line.startswith("$ ")]


def blocks(page: Path) -> list[Block]:
    """Every block of a page that a reader would type or save."""
    found = [match.groupdict() for match in _BLOCK.finditer(page.read_text("utf-8"))]
    return [
        Block(each["mark"] or "", each["language"], each["text"]) for each in found if each["language"] not in _SHOWN
    ]
