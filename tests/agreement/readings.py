"""One list of OTLP requests through every way in."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.local import Imported, Store, import_line
from otel_agent_telemetry.meaning._from_otlp import read
from tests.agreement import events, exported, lived, stored, streams
from tests.meaning import cases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.agreement.totals import Totals

_STOCK_BATCH = 512
_IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - each reading gets a folder of its own there
"""A disk is waited for at each opening of a store."""


def readings(requests: Sequence[Any], *, batch: int = _STOCK_BATCH) -> dict[str, Totals]:
    """What OTLP/JSON requests add up to: as events of a file, of an exporter and live, and by each read of a store."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY) as folder:
        path = Path(folder, "requests.jsonl")
        path.write_text("".join(json.dumps(request) + "\n" for request in requests), encoding="utf-8")
        known = events.references(requests)
        return {
            "events": _from_file(path, known),
            **_from_streams(path, batch, known),
            **_from_store(path, Path(folder, "traces.sqlite")),
        }


def from_both_sides(requests: Sequence[Any]) -> dict[str, Totals]:
    """The same of all three signals, which only a file and a store take: as events, and by each read of a store."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY) as folder:
        path = Path(folder, "requests.jsonl")
        path.write_text("".join(json.dumps(request) + "\n" for request in requests), encoding="utf-8")
        told = _from_file(path, events.references(requests))
        return {"events": told, **_from_store(path, Path(folder, "traces.sqlite"))}


def _from_file(path: Path, known: dict[str, str]) -> Totals:
    return events.totals_of(((event.event.name, event.properties) for event in cases.events(path)), known)


def _from_streams(path: Path, batch: int, known: dict[str, str]) -> dict[str, Totals]:
    moments = streams.moments(read(str(path)).spans)
    ended = [record for is_end, record in moments if is_end]
    told = {"exporter": exported.bodies(ended, batch), "live": lived.bodies(moments)}
    return {way: events.totals_of(map(events.body_of, bodies), known) for way, bodies in told.items()}


def _from_store(path: Path, file: Path) -> dict[str, Totals]:
    with closing(Store(file)) as store:
        for line in path.read_text(encoding="utf-8").splitlines():
            import_line(store, line, Imported())
        return stored.totals_of(store)


def requests_of(path: Path) -> list[Any]:
    """The requests of a file: OTLP JSON lines, one request, or the traces of a captured case."""
    written = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in written.splitlines() if line]
    document = json.loads(written)
    traces = document.get("traces") if "meta" in document else document
    return traces if isinstance(traces, list) else [traces] if traces else []  # pyright: ignore[reportUnknownVariableType] - JSON of captures


def name(path: Path | None) -> str:
    """A file's name without its ending, for a test's id; where there is no file, that there is none."""
    return path.name.split(".")[0] if path is not None else "absent"
