"""Nothing that an operator's program said, knows or is called appears in an event."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from otel_agent_telemetry.pipeline.writing.dialect import Envelope, encode
from otel_agent_telemetry.pipeline.writing.registries import Registries
from tests.meaning.cases import CORPUS, DIALECTS, captured, events

if TYPE_CHECKING:
    from pathlib import Path

_PLANTED: dict[str, dict[str, str]] = json.loads((CORPUS / "canaries.json").read_text(encoding="utf-8"))
_AROUND = Envelope(product="acme-agents", source="cli", environment="test", installation_id="install_0000000000000000")
_DECLARED = Registries(tools=frozenset({"read_file"}), agents=frozenset({"root"}), commands=frozenset({"import"}))


def disguised(word: str) -> set[str]:
    """A word as it might travel: plain, reversed, base64 at each of three offsets, hex, escaped."""
    raw = word.encode()
    inner = {base64.b64encode(b"x" * shift + raw)[4:-4].decode() for shift in range(3)}
    urlsafe = {text.replace("+", "-").replace("/", "_") for text in inner}
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in word)
    percent = "".join(f"%{byte:02X}" for byte in raw)
    forms = {word, word[::-1], raw.hex(), raw.hex().upper(), quote(word), json.dumps(word)[1:-1], escaped, percent}
    return {form.lower() for form in forms | inner | urlsafe}


_FORBIDDEN = {form for group in _PLANTED.values() for word in group.values() for form in disguised(word)} | {"canary"}


@pytest.mark.parametrize("dialect", ["proxy", "docker"])
@pytest.mark.parametrize("path", [*captured(), *sorted(DIALECTS.glob("*.json"))], ids=lambda path: path.stem)
def test_no_canary_in_any_event(path: Path, dialect: str) -> None:
    """No planted text, id or name is in a body, in any form, also where a product declared names of its own public."""
    bodies = [encode(dialect, event, _AROUND) for event in events(path, _DECLARED)]
    written = b"\n".join(body for body in bodies if body is not None).decode().lower()
    assert [form for form in _FORBIDDEN if form in written] == []


def test_the_canaries_are_really_in_the_files() -> None:
    """The search would find what it looks for: every kind of planted text is somewhere in the captured files."""
    content = "".join(path.read_text(encoding="utf-8") for path in captured())
    found = {kind for kind, group in _PLANTED.items() if any(word in content for word in group.values())}
    assert found == _PLANTED.keys()
