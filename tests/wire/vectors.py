"""The committed wire vectors: calls, and the exact bodies that the contract makes of them."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import FileStore, SQLStore, Telemetry, contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_agent_telemetry.identity import Store
    from tests.recorder import Recorder

PRODUCT = "acme-agents"
VECTORS: Any = json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8"))

_SECOND = re.compile(r'"occurred_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"')
_MILLISECONDS = re.compile(r'"event_timestamp":1\d{9}000,')
_SYSTEMS = {"linux": "linux", "darwin": "darwin", "win32": "windows"}


def by_name(vectors: list[Any]) -> dict[str, Any]:
    """Vectors by what a test is called for them."""
    return {vector.get("what", vector["event"]): vector for vector in vectors}


def expected(body: Any) -> str:
    """A vector's body as compact text, its keys in the order of the vector."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<os>", _SYSTEMS.get(sys.platform, "other"))


def timeless(body: bytes) -> str:
    """A body as text, its moment replaced by the vector's words where it has the right form."""
    text = _SECOND.sub('"occurred_at":"<second>"', body.decode())
    return _MILLISECONDS.sub('"event_timestamp":"<milliseconds>",', text)


def known_identity(store: Store) -> Store:
    """The store, with the vectors' installation in it."""
    for key, value in VECTORS["installation"].items():
        store.put_if_absent(key, value)
    return store


def file_store(folder: Path) -> Store:
    """The vectors' installation in files."""
    return known_identity(FileStore(folder, PRODUCT))


def sql_store(folder: Path) -> Store:
    """The vectors' installation in a service's own database."""
    return known_identity(SQLStore(lambda: sqlite3.connect(folder / "service.db")))


def telemetry(folder: Path, store: Store, recorder: Recorder, **settings: Any) -> Telemetry:
    """The vectors' product, which sends to the recorder."""
    given: dict[str, Any] = {
        "product": PRODUCT,
        "version": "2.3.0",
        "source": "worker",
        "endpoint": f"{recorder.url}/v1/events",
        "state_dir": folder,
        "store": store,
        "notice": False,
        "public_tools": ["web_search"],
        "public_agents": ["planner"],
        "public_models": ["acme-large"],
        "public_commands": ["deploy"],
    }
    return Telemetry(**{**given, **settings})


def declared() -> Iterator[None]:
    """Declares the vectors' event and tag of the product's own, and takes them back."""
    contract.event(
        "import.finished",
        fires="an import is done",
        why="whether imports are used",
        rows=contract.Count(),
        format=contract.Enum(("csv", "json")),
        fileId=contract.Ref("file"),
    )
    contract.tag("topic", "billing", "research")
    yield
    contract.withdraw("import.finished")
    contract.withdraw("topic")
