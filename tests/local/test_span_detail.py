"""Everything about a span, as the page asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.made import Made, request, span_id, trace_id

if TYPE_CHECKING:
    from tests.local.serving import Serving


def test_a_link_says_whether_its_trace_is_stored(server: Serving) -> None:
    """The page leads on only where there is something."""
    made = request(Made())
    for number in (1, 9):
        made.resource_spans[0].scope_spans[0].spans[0].links.add(
            trace_id=bytes.fromhex(trace_id(number)), span_id=bytes.fromhex(span_id())
        )
    server.post("/v1/traces", made.SerializeToString())
    shown = server.get(f"/api/traces/{trace_id()}/spans/{span_id()}")
    assert shown["links"] == [
        {"trace_id": trace_id(number), "span_id": span_id(), "attributes": {}, "is_stored": number == 1}
        for number in (1, 9)
    ]


@pytest.mark.parametrize("span", ["", "zz", "ab" * 8, "ab" * 40])
def test_a_span_that_is_not_there(server: Serving, span: str) -> None:
    """The answer is 404, whatever stands for its id."""
    server.post("/v1/traces", request(Made()).SerializeToString())
    for path in ("", "/otlp", "/prompt"):
        reply = server.send("GET", f"/api/traces/{trace_id()}/spans/{span or '-'}{path}")
        assert (reply.status, "no span" in reply.json()["message"]) == (404, True)
