"""Whether the operator's exporters can work: they are there, their address is one, and somebody answers at it."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.cli._traces_go import traces_go
from otel_agent_telemetry.settings import operator_exports

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

__all__ = ["operators_findings"]

_SECONDS = 3
_ENDPOINTS = ("", "TRACES_", "METRICS_", "LOGS_")


def operators_findings() -> Iterator[tuple[str, str]]:
    """``ok`` or ``wrong``, and words: for addresses, exporters, and the collector's answer to no spans at all."""
    if not operator_exports():
        yield "ok", "no exporter of your own; `agent-telemetry serve` shows traces on this machine"
        return
    faults = [*_addresses()]
    yield from (("wrong", fault) for fault in faults)
    yield "ok", f"an exporter of your own is configured: traces go {traces_go()}"
    from otel_agent_telemetry.pipeline.operator.exporters import exporters

    for signal in ("traces", "metrics"):
        for name, load in exporters(signal):
            try:
                kind = load()
            except Exception as error:  # noqa: BLE001 - an exporter's module may raise anything
                yield "wrong", f"{signal} have no exporter {name!r}: {error}"
                continue
            if signal == "traces" and name.startswith("otlp") and not faults:
                yield _answer(kind)


def _addresses() -> Iterator[str]:
    for signal in _ENDPOINTS:
        variable = f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT"
        protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}PROTOCOL") or os.environ.get(
            "OTEL_EXPORTER_OTLP_PROTOCOL"
        )
        value = os.environ.get(variable, "").strip()
        if value and protocol != "grpc" and not value.startswith(("http://", "https://")):
            rest = value.rpartition("://")[2]
            yield f"{variable} is {value!r}; expected http://HOST:PORT or https://HOST:PORT; try {variable}=http://{rest}"


def _answer(kind: Callable[..., Any]) -> tuple[str, str]:
    """What the collector answers to a request with no span in it."""
    where = traces_go().removeprefix("to ")
    with _heard() as said:
        try:
            exporter = kind(timeout=_SECONDS)
            went_well = getattr(exporter.export([]), "name", "") == "SUCCESS"
            exporter.shutdown()
        except Exception as error:  # noqa: BLE001 - whatever an exporter raises at its settings
            went_well = False
            said.append(str(error))
    if went_well:
        return "ok", "the collector answers"
    reason = f" ({said[-1][:200]})" if said else ""
    return "wrong", f"nothing takes traces at {where}{reason}; start it, or correct OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def _heard() -> Generator[list[str]]:
    """What OpenTelemetry logs meanwhile, and keeps from standard error."""
    said: list[str] = []
    handler = _Listener(said)
    logger = logging.getLogger("opentelemetry")
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


class _Listener(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage().splitlines()[0])
