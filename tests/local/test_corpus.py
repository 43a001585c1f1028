from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry.local import (
    Imported,
    Store,
    TraceFilter,
    diff_trees,
    export_all,
    find_trace,
    import_line,
    list_traces,
    trace_tree,
)
from tests.local import corpus

if TYPE_CHECKING:
    from pathlib import Path

# what is not in the telemetry at all: replies without usage, and frameworks whose model calls have no spans
_NO_USAGE = ("stream_nousage", "stream_cancel", "stream_mid")
_NO_CALLS = ("genai_openai_agents__", "openai_v2__responses")


def imported(store: Store, lines: list[str]) -> Imported:
    """The store with the lines in it."""
    read = Imported()
    for line in lines:
        import_line(store, line, read)
    while store.settle():
        pass
    return read


def goes_through(store: Store, path: Path, folder: Path) -> None:
    """Every trace of a capture is shown, and what is exported is what was imported, also a second time."""
    given = corpus.lines(path)
    read = imported(store, given)
    with closing(store.reader()) as connection:
        traces = list_traces(connection, TraceFilter(), limit=1000)
        shown = [trace_tree(connection, find_trace(connection, trace["trace_id"])[0]) for trace in traces]
        exported = list(export_all(connection))
    assert sum(len(tree["spans"]) for tree in shown) == read.spans == sum(trace["spans"] for trace in traces)
    assert all(row["change"] == "same" for tree in shown for row in diff_trees(tree, tree)["rows"])
    assert corpus.flat(exported) == corpus.flat(given)
    with closing(Store(folder / "again.sqlite")) as again:
        imported(again, exported)
        with closing(again.reader()) as connection:
            assert list(export_all(connection)) == exported


def counts_as_served(store: Store, path: Path) -> None:
    """Calls, failures and tokens are what the model server really served."""
    imported(store, corpus.lines(path))
    served = corpus.truth(path)
    query = "SELECT coalesce(sum(calls), 0), coalesce(sum(input), 0), coalesce(sum(output), 0) FROM traces"
    failed = "SELECT count(*) FROM steps WHERE kind = 'model' AND counted AND error IS NOT NULL"
    with closing(store.reader()) as connection:
        found = (*connection.execute(query).fetchone(), *connection.execute(failed).fetchone())
    calls = served["llm_requests_ok"] + served["llm_requests_failed"]
    if any(mark in path.stem for mark in _NO_USAGE):
        assert found == (calls, 0, 0, 0)
    elif path.stem.startswith(_NO_CALLS) and not path.stem.endswith("_both"):
        assert found == (0, 0, 0, 0)
    else:
        assert found == (calls, served["input"], served["output"], served["llm_requests_failed"])


@pytest.mark.parametrize("path", corpus.files(corpus.PART), ids=lambda path: path.stem)
def test_a_capture_goes_through(store: Store, path: Path, tmp_path: Path) -> None:
    """What a framework emitted is imported, shown, exported and equal."""
    goes_through(store, path, tmp_path)


@pytest.mark.parametrize("path", corpus.files(corpus.PART), ids=lambda path: path.stem)
def test_a_capture_counts_as_served(store: Store, path: Path) -> None:
    """No call is counted twice, whichever spans repeat it."""
    counts_as_served(store, path)


def test_the_whole_corpus_goes_through(tmp_path: Path) -> None:
    """Every capture is imported, shown, exported and equal, and counts as it was served."""
    for number, path in enumerate(corpus.files(corpus.whole())):
        folder = tmp_path / str(number)
        with closing(Store(folder / "x.sqlite")) as store:
            goes_through(store, path, folder)
        with closing(Store(folder / "y.sqlite")) as store:
            counts_as_served(store, path)


def test_reading_a_file_again_changes_nothing(store: Store) -> None:
    """Spans, log records and metrics that the store holds are not stored twice."""
    lines = [line for path in corpus.files(corpus.PART) for line in corpus.lines(path)]
    imported(store, lines)
    with closing(store.reader()) as connection:
        first = list(export_all(connection))
        imported(store, lines)
        assert list(export_all(connection)) == first


def test_numbers_of_all_sizes_come_back(store: Store) -> None:
    """Integers beyond 2^53, doubles without a name in JSON, bytes, nested and empty values survive."""
    values = [
        {"intValue": str(-(2**63))},
        {"intValue": str(2**53 + 1)},
        {"doubleValue": "NaN"},
        {"doubleValue": "-Infinity"},
        {"doubleValue": 1e300},
        {"boolValue": False},
        {"bytesValue": "AP8="},
        {},
        {"stringValue": ""},
        {"stringValue": "é\u0000🙂"},
        {
            "arrayValue": {
                "values": [{"kvlistValue": {"values": [{"key": "traceId", "value": {"stringValue": "zz"}}]}}, {}]
            }
        },
    ]
    attributes = [{"key": f"k{number}", "value": value} for number, value in enumerate(values)]
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "x",
        "attributes": attributes,
        "links": [{"traceId": "01" * 16, "spanId": "02" * 8}],
    }
    line = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    imported(store, [line])
    with closing(store.reader()) as connection:
        exported = [json.loads(one) for one in export_all(connection)]
    found = exported[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (found["attributes"], found["links"]) == (attributes, span["links"])
