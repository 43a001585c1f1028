"""A text is found in what left, however it was encoded, packed, cut or hashed, and the field is named."""

from __future__ import annotations

import base64
import codecs
import gzip
import hashlib
import json
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_agent_telemetry.proof import EVENTS, TRACES, Canary, Finding, Message, search

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "Müller's order #4711 & co, 20 % off"
CANARY = Canary("the order", TEXT)


def b64(text: str) -> str:
    """Base64 of UTF-8."""
    return base64.b64encode(text.encode()).decode()


ENCODINGS: dict[str, Callable[[str], str | bytes]] = {
    "plain": lambda text: text,
    "in capitals": str.upper,
    "JSON": lambda text: json.dumps({"a": text}),
    "JSON in JSON": lambda text: json.dumps({"a": json.dumps(text)}),
    "every character escaped": lambda text: "".join(f"\\u{ord(letter):04X}" for letter in text),
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "every byte in percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "base64": b64,
    "base64, one further": lambda text: b64("x" + text + "y"),
    "base64, two further": lambda text: b64("xy" + text + "zzz"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "UTF-16": lambda text: text.encode("utf-16-be"),
    "Latin-1": lambda text: text.encode("latin-1"),
    "backwards": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zlib in the middle": lambda text: b"abc" + zlib.compress(text.encode()) + b"def",
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
    "gzip in gzip": lambda text: gzip.compress(gzip.compress(text.encode())),
    "cut after 20": lambda text: text[:20],
    "its end": lambda text: text[-18:],
    "MD5": lambda text: hashlib.md5(text.encode()).hexdigest(),  # noqa: S324 - what a leak may do
    "SHA-1": lambda text: hashlib.sha1(text.encode()).hexdigest(),  # noqa: S324 - searched for, not relied on
    "SHA-256": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "SHA-256 in base64": lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode(),
    "SHA-256, raw": lambda text: hashlib.sha256(text.encode()).digest(),
    "SHA-256, cut": lambda text: hashlib.sha256(text.encode()).hexdigest()[:16],
    "SHA-256 with a newline": lambda text: hashlib.sha256(f"{text}\n".encode()).hexdigest(),
    "BLAKE2b of eight bytes": lambda text: hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
}


def posted(body: str | bytes, *headers: str) -> Message:
    """A POST of an event."""
    head = "\r\n".join(["POST /v1/events HTTP/1.1", *headers, "", ""]).encode()
    return Message(EVENTS, head, body.encode() if isinstance(body, str) else body)


@pytest.mark.parametrize("how", ENCODINGS)
def test_every_form_is_found(how: str) -> None:
    """Whatever was done to the text before it left, it is found; and another text in the same form is not."""
    encode = ENCODINGS[how]
    assert [each.canary for each in search([posted(encode(TEXT))], [CANARY])] == ["the order"]
    assert search([posted(encode("Nothing that anybody looks for, 12345678"))], [CANARY]) == []


def test_the_field_of_an_event_is_named() -> None:
    """A finding says where in the event the text stands, in which form, and in how many messages."""
    body = json.dumps({"event": "task.created", "properties": {"name": "Müller's order #4711 & co, 20 % off!"}})
    (found,) = search([posted("{}"), posted(body), posted(body)], [CANARY])
    assert found == Finding("the order", EVENTS, "properties.name", "as it is", 2, allowed=False)


def test_a_header_is_named() -> None:
    """A text in a header is found there."""
    (found,) = search([posted("{}", f"X-Order: {b64(TEXT)}")], [CANARY])
    assert (found.field, found.form) == ("header X-Order", "base64")


def traces(key: str, value: str) -> Message:
    """An OTLP request in protobuf, packed, with one span that has one attribute."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="chat")
    span.attributes.add(key=key).value.string_value = value
    head = b"POST /v1/traces HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n"
    return Message(TRACES, head, gzip.compress(request.SerializeToString()))


def test_the_attribute_of_a_span_is_named() -> None:
    """In OTLP the attribute is named, through protobuf and gzip."""
    (found,) = search([traces("acme.note", f"see {TEXT}")], [CANARY])
    assert found == Finding(
        "the order", TRACES, "resourceSpans.scopeSpans.spans.acme.note", "as it is", 1, allowed=False
    )


def test_the_operators_own_in_his_traces() -> None:
    """What is the operator's own, such as his host's name, is allowed in his traces and nowhere else."""
    own = Canary("host name", "payroll-7", own=True)
    found = search([traces("host.name", "payroll-7"), posted('{"host": "payroll-7"}')], [own])
    assert [(each.destination, each.allowed) for each in found] == [(TRACES, True), (EVENTS, False)]
