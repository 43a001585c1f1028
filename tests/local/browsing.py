"""Headless Chromium, the one of the operating system; a page that remembers what went wrong on it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Generator

    from playwright.sync_api import Browser, Locator, Page

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_PATIENCE_MS = 60_000
_COMMAND = "apt-get install chromium, and pip install playwright"


def _found() -> str | None:
    """The build without a window first, which takes half the processor time: Debian's ``chromium-headless-shell``."""
    named = os.environ.get("CHROMIUM_BINARY")
    known = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return named or next(filter(None, map(shutil.which, known)), None)


_BINARY = _found()


@contextmanager
def chromium() -> Generator[Browser]:
    """A running browser; ends the test where the browser or playwright is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("browser", _COMMAND)
    if _BINARY is None:
        absent("browser", _COMMAND)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BINARY, args=_FLAGS)
        yield browser
        browser.close()


def has_count(locator: Locator, count: int) -> None:
    """Wait until so many match; no code goes into the page for it, which its policy would refuse."""
    from playwright.sync_api import expect

    expect(locator).to_have_count(count, timeout=_PATIENCE_MS)


def has_texts(locator: Locator, *texts: str) -> None:
    """Wait until what matches has these texts, in this order, and nothing else matches."""
    from playwright.sync_api import expect

    expect(locator).to_have_text(list(texts), timeout=_PATIENCE_MS)


class Watched:
    """What a page did that it should not: errors, refused content, requests to another host."""

    def __init__(self, page: Page, url: str) -> None:
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda said: self.wrong.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("request", lambda sent: None if sent.url.startswith(url) else self.wrong.append(f"request: {sent.url}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective))"
        )
