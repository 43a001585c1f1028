"""The identity of an installation, read from a store or made in it."""

from __future__ import annotations

import os

from otel_agent_telemetry.errors import StoreError
from otel_agent_telemetry.identity._store import INSTALLATION_ID_KEY, INSTALLED_AT_KEY, REFERENCE_KEY_KEY

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_agent_telemetry.identity._store import Store

__all__ = ["Identity", "establish", "resolve", "stored"]

_INSTALL = "install_"
_ID_BYTES = 8
_KEY_BYTES = 32
_DAY = len("YYYY-MM-DD")
_ATTEMPTS = 3


class Identity:
    """Who sends. ``installed_on`` is a day, ``YYYY-MM-DD``, or None where nobody wrote it down when the id was made.

    ``reference_key`` never leaves the installation, so it is left out of the repr too. A plain class, as the
    dataclasses module costs milliseconds at import.
    """

    __slots__ = ("ephemeral", "installation_id", "installed_on", "reference_key")

    def __init__(
        self, installation_id: str, reference_key: bytes, *, installed_on: str | None = None, ephemeral: bool = False
    ) -> None:
        self.installation_id = installation_id
        self.reference_key = reference_key
        self.installed_on = installed_on
        self.ephemeral = ephemeral

    def __repr__(self) -> str:
        return f"Identity({self.installation_id!r}, installed_on={self.installed_on!r}, ephemeral={self.ephemeral!r})"


def resolve(store: Store) -> Identity | None:
    """The installation's identity, made on the first call of its life.

    A store that fails gives an ephemeral identity, kept nowhere. A store that may not make one gives None where there
    is none or it fails: the process then sends nothing.
    """
    may_mint = getattr(store, "mint", True)
    try:
        values = establish(store)
    except Exception:  # noqa: BLE001 - below a store there is a driver, which may raise anything
        values = {}
    if INSTALLATION_ID_KEY in values:
        installed_at = values.get(INSTALLED_AT_KEY)
        return Identity(
            values[INSTALLATION_ID_KEY],
            bytes.fromhex(values.get(REFERENCE_KEY_KEY) or _new_key()),
            installed_on=installed_at and installed_at[:_DAY],
        )
    if not may_mint:
        return None
    return Identity(f"ephemeral_{os.urandom(_ID_BYTES).hex()}", os.urandom(_KEY_BYTES), ephemeral=True)


def establish(store: Store) -> dict[str, str]:
    """The stored values by key, made first where the store may; one of another form counts as missing.

    The moment of installation is written only together with a new id, and before it: whoever sees the id sees that too.
    Neither it nor the key is worth an id: where one of them cannot be written, the id holds without.
    """
    if getattr(store, "mint", True):
        if not _is_id(store.get(INSTALLATION_ID_KEY)):
            _try_to_settle(store, INSTALLED_AT_KEY)
        _settle(store, INSTALLATION_ID_KEY)
        _try_to_settle(store, REFERENCE_KEY_KEY)
    return stored(store)


def stored(store: Store) -> dict[str, str]:
    """The stored values by key, of those that have the right form; makes nothing. The day alone may be unreadable."""
    from contextlib import suppress

    found = {key: store.get(key) for key in (INSTALLATION_ID_KEY, REFERENCE_KEY_KEY)}
    with suppress(Exception):  # below a store there is a driver, which may raise anything
        found[INSTALLED_AT_KEY] = store.get(INSTALLED_AT_KEY)
    return {key: value for key, value in found.items() if value is not None and _FORMS[key](value)}


def _try_to_settle(store: Store, key: str) -> None:
    from contextlib import suppress

    with suppress(Exception):  # below a store there is a driver, which may raise anything
        _settle(store, key)


def _settle(store: Store, key: str) -> None:
    stored = store.get(key)
    for _ in range(_ATTEMPTS):
        if _FORMS[key](stored):
            return
        stored = store.put_if_absent(key, _NEW[key](), replacing=stored)
    if not _FORMS[key](stored):
        raise StoreError(f"the store keeps a value of another form under {key!r}; delete it and start again")


def _is_id(value: str | None) -> bool:
    return value is not None and value.startswith(_INSTALL) and _is_hex(value[len(_INSTALL) :], _ID_BYTES)


def _is_key(value: str | None) -> bool:
    return value is not None and _is_hex(value, _KEY_BYTES)


def _is_hex(value: str, size: int) -> bool:
    return len(value) == 2 * size and not value.strip("0123456789abcdef")


def _is_moment(value: str | None) -> bool:
    from datetime import datetime

    if value is None or not value.isascii():
        return False
    try:
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - its day as it is written, no more
    except ValueError:
        return False
    return value.startswith(f"{moment.date().isoformat()}T")  # 2026-1-1T1 would have its hour where others have a day


def _new_id() -> str:
    return _INSTALL + os.urandom(_ID_BYTES).hex()


def _new_key() -> str:
    return os.urandom(_KEY_BYTES).hex()


def _new_moment() -> str:
    from datetime import datetime, timezone

    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_FORMS: dict[str, Callable[[str | None], bool]] = {
    INSTALLATION_ID_KEY: _is_id,
    INSTALLED_AT_KEY: _is_moment,
    REFERENCE_KEY_KEY: _is_key,
}
_NEW: dict[str, Callable[[], str]] = {
    INSTALLATION_ID_KEY: _new_id,
    INSTALLED_AT_KEY: _new_moment,
    REFERENCE_KEY_KEY: _new_key,
}
