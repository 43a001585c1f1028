"""Where events go once there is one: identity, ledger, anonymiser, and the uploader where there is an endpoint.

Imported with the first event, on the writing thread: a program that has nothing to tell starts without it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from otel_agent_telemetry import _losses
from otel_agent_telemetry._deadline import Within
from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry._log import logger as _logger
from otel_agent_telemetry._sqlite import is_busy
from otel_agent_telemetry.contract._kinds import Version
from otel_agent_telemetry.errors import LedgerError
from otel_agent_telemetry.identity import INSTALLATION_ID_KEY, FileStore, resolve
from otel_agent_telemetry.pipeline.sending.ledger import Ledger, count_drops
from otel_agent_telemetry.pipeline.writing.anonymise import Anonymiser
from otel_agent_telemetry.pipeline.writing.dialect import CONTENT_TYPE, as_of_now, encode, envelope
from otel_agent_telemetry.pipeline.writing.registries import Registries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from otel_agent_telemetry.identity import Identity
    from otel_agent_telemetry.lifecycle import Lifecycle
    from otel_agent_telemetry.meaning import Fact
    from otel_agent_telemetry.pipeline.product import Process
    from otel_agent_telemetry.pipeline.sending._sender import Sender
    from otel_agent_telemetry.pipeline.sending.ledger import Row
    from otel_agent_telemetry.pipeline.writing.dialect import Envelope
    from otel_agent_telemetry.settings import Settings

__all__ = ["Encoder", "Outlet", "count_lost", "open_outlet"]


_OPENING_SECONDS = 0.05  # for others who have the ledger: whoever forks meanwhile waits for us, see importing
_KEY_BYTES = 16


class Encoder:
    """From facts to the ledger's rows: anonymised, and written in a dialect."""

    def __init__(self, anonymiser: Anonymiser, dialect: str) -> None:
        self._anonymiser = anonymiser
        self._dialect = dialect

    def rows(self, facts: Collection[Fact], around: Envelope) -> list[Row]:
        """A row for each that is declared and that the dialect says by itself, each with a key of its own."""
        rows: list[Row] = []
        now = time.time()
        keys = os.urandom(_KEY_BYTES * len(facts)).hex()
        for at, fact in enumerate(facts):
            try:
                clean = self._anonymiser.clean(fact)
                body = None if clean is None else encode(self._dialect, clean, around)
            except Exception:
                _losses.count("encoding_error")
                _logger.debug("an event could not be written in the %s dialect", self._dialect, exc_info=True)
                continue
            if body is not None:
                key = keys[2 * _KEY_BYTES * at : 2 * _KEY_BYTES * (at + 1)]
                rows.append((fact.event, body, CONTENT_TYPE, key, now))
        return rows


class Outlet:
    """Ledger, uploader and anonymiser of one identity."""

    def __init__(self, process: Process, identity: Identity) -> None:
        settings, product = process.settings, process.product
        self._process = process
        self._identity = identity
        self._start: Envelope | None = None
        self._around: Envelope | None = None
        registries = Registries(
            models=settings.public_models,
            tools=settings.public_tools,
            agents=settings.public_agents,
            commands=settings.public_commands,
        )
        preset = None if settings.preset is None else settings.preset.name
        anonymiser = Anonymiser(identity.reference_key, registries, precision=settings.precision, preset=preset)
        self._encoder = Encoder(anonymiser, settings.dialect)
        self.ledger, self.durable = _ledger(settings.state_dir, product, debug=settings.debug)
        self.ledger.remember(
            endpoint=settings.endpoint,
            dialect=settings.dialect,
            rule=process.consent.decide().rule,
            opt_out_env=process.consent.opt_out_env,
        )
        self._id_file = None if identity.ephemeral else _id_file(process)
        self._id_mark = _mark(self._id_file)
        self.sender = None if settings.endpoint is None or settings.debug else _sender(process, self.ledger)

    def rows(self, facts: Collection[Fact]) -> list[Row]:
        """What the ledger keeps of the facts."""
        return self._encoder.rows(facts, self._envelope())

    def _envelope(self) -> Envelope:
        """What surrounds each event; made anew once the process, or what a preset says of it, is something else."""
        process, settings = self._process, self._process.settings
        source = _source(settings, process.lifecycle)
        if self._start is None or self._start.source != source:
            self._start = envelope(
                settings, self._identity, product=process.product, version=process.version, source=source
            )
            self._around = None
        if self._around is None:
            self._around = as_of_now(self._start, settings)
        elif settings.preset is not None and (now := as_of_now(self._start, settings)) != self._around:
            self._around = now  # an equal one would not know what the one in use has written
        return self._around

    def is_current(self) -> bool:
        """Whether nobody deleted what identity and ledger are stored in: ``agent-telemetry forget`` does both."""
        return not self.ledger.was_replaced and _mark(self._id_file) == self._id_mark

    def close(self) -> None:
        """Send nothing more, and let go of the ledger."""
        if self.sender is not None:
            self.sender.leave()
        self.ledger.close()


def open_outlet(process: Process) -> Outlet | None:
    """The outlet; None where there is no identity yet, as the server that gives it is not up."""
    store = process.store
    identity = resolve(FileStore(process.settings.state_dir, process.product) if store is None else store)
    return None if identity is None else Outlet(process, identity)


def count_lost(process: Process, counts: Mapping[str, int]) -> None:
    """Also where no identity was to be had, and so no outlet; raises LedgerError."""
    if not process.settings.debug:
        count_drops(ledger_file(process.settings.state_dir, process.product), counts)


def _sender(process: Process, ledger: Ledger) -> Sender:
    from otel_agent_telemetry.pipeline.sending._sender import Sender
    from otel_agent_telemetry.pipeline.sending.uploader import Uploader  # brings the HTTP client along

    settings = process.settings
    uploader = Uploader(
        ledger,
        settings.endpoint or "",
        user_agent=f"{process.product}/{Version().check(process.version) or 'unknown'}",
        api_key=settings.api_key,
        batch=settings.batch,
        allowed=process.consent.allowed,
    )
    return Sender(uploader, ledger)


def _id_file(process: Process) -> str | None:
    """The file that holds the identity, where it is in one."""
    store = FileStore(process.settings.state_dir, process.product) if process.store is None else process.store
    return os.path.join(store.folder, INSTALLATION_ID_KEY) if isinstance(store, FileStore) else None


def _mark(path: str | None) -> tuple[int, int]:
    """Tells one file of that name from the next; its number alone may be used again."""
    try:
        found = None if path is None else os.stat(path)
    except OSError:
        found = None
    return (0, 0) if found is None else (found.st_ino, found.st_mtime_ns)


def _source(settings: Settings, lifecycle: Lifecycle) -> str:
    """What a setting says, else what the process turned out to be; a preset's product knows only its own sources."""
    turned_out = settings.source or lifecycle.source or ("library" if lifecycle.isolated else "cli")
    if settings.preset is not None and turned_out not in settings.preset.sources:
        return settings.preset.sources[0]
    return turned_out


def _ledger(state_dir: str, product: str, *, debug: bool) -> tuple[Ledger, bool]:
    if debug:
        return Ledger(None), True
    path = ledger_file(state_dir, product)
    try:
        with Within(_OPENING_SECONDS):
            return Ledger(path), True
    except LedgerError as error:
        if is_busy(error.__cause__):
            return Ledger(path, opens=False), True  # it is there, and another one has it for now
        _logger.warning("events cannot outlive this process: %s", error)
        return Ledger(None), False
