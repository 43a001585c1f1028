from __future__ import annotations

import pytest

from otel_agent_telemetry import SettingError
from otel_agent_telemetry.settings import Settings, check_endpoint

EXPECTED = "https://host/path, or http:// on this machine (localhost, 127.0.0.1, [::1])"
SECRET = "(not shown: it holds a password or a fragment)"  # noqa: S105 - the words that stand for one


def message(shown: str) -> str:
    """The whole refusal of an endpoint."""
    return (
        f"AGENT_TELEMETRY_ENDPOINT or configure(endpoint=) is {shown}; expected {EXPECTED}."
        " `agent-telemetry doctor` checks all settings."
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://telemetry.example",
        "https://telemetry.example/v1/events?product=acme",
        "HTTPS://TELEMETRY.EXAMPLE:8443/",
        "https://192.0.2.1/v1/events",
        "https://[2001:db8::1]:8443/v1/events",
        "http://localhost",
        "http://LOCALHOST:4318/v1/events",
        "HTTP://localhost:1/",
        "http://127.0.0.1:65535/v1/events",
        "http://127.1.2.3/v1/events",
        "http://127.255.255.255:80",
        "http://[::1]",
        "http://[::1]:4318/v1/events",
        "http://localhost?x=http://telemetry.example",
    ],
)
def test_where_events_may_go(endpoint: str) -> None:
    """Events may go to https anywhere, and to http on this machine, in every way to write its own address."""
    assert Settings(endpoint=endpoint, environ={}).endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://telemetry.example/v1/events",
        "http://192.168.0.1/",
        "http://localhost.telemetry.example/",
        "http://127.0.0.1.telemetry.example/",
        "http://127.0.0.1:80.telemetry.example/",
        "http://127.1/",
        "http://127.0.0.256/",
        "http://127.0.0.\N{SUPERSCRIPT TWO}/",
        "http://127.0.0.\N{ARABIC-INDIC DIGIT ONE}/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::1/",
        "http://[::1].telemetry.example/",
        "http://[::2]/",
        "http://localhost:http/",
        "http://localhost:65536/",
        "http://localhost:80:90/",
        "https://telemetry.example:/",
        "https://:443/",
        "https://",
        "https:///v1/events",
        "https:telemetry.example",
        "telemetry.example/v1/events",
        "//telemetry.example",
        "ftp://telemetry.example",
        "file:///var/events",
        "unix:///var/run/telemetry.sock",
        "https://telemetry.example/v1 events",
        "https://telemetry.example/\nX-Header: 1",
        "https://telemetry.example/\x7f",
        " https://telemetry.example",
    ],
)
def test_where_events_may_not_go(endpoint: str) -> None:
    """Any other address is refused, and the message shows it and what it may be."""
    with pytest.raises(SettingError) as error:
        check_endpoint(endpoint)
    assert str(error.value) == message(repr(endpoint))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://user:hunter2@telemetry.example/",
        "https://hunter2@telemetry.example",
        "https://user:hunter2 @telemetry.example",
        "http://user:hunter2@localhost/",
        "ftp://user:hunter2@telemetry.example",
        "http://127.0.0.1\\@telemetry.example/hunter2",
        "https://telemetry.example/#hunter2",
    ],
)
def test_a_secret_in_an_endpoint(endpoint: str) -> None:
    """An address with a password or a fragment is refused, and the message does not repeat it."""
    with pytest.raises(SettingError) as error:
        Settings(environ={"AGENT_TELEMETRY_ENDPOINT": endpoint})
    assert str(error.value) == message(SECRET)
