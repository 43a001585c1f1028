"""Noticing what others write."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from otel_agent_telemetry.local.store._file import StoreFile

__all__ = ["Watch"]


class Watch:
    """Context manager that notices each commit by any connection, also where another file took the place of the store.

    Where the file cannot be opened just now, it is tried again when it is next asked.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._identity: object = None
        self._seen: object = None

    def __enter__(self) -> Self:
        self._seen = self._state()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def has_changed(self) -> bool:
        """Whether something was stored since it was last asked."""
        seen, self._seen = self._seen, self._state()
        return self._seen != seen

    def _state(self) -> object:
        identity = self._file.identity()
        if self._connection is None or identity != self._identity:
            self._close()
        try:
            if self._connection is None:
                self._connection = self._file.reader()
                self._identity = self._file.identity()
            return self._identity, self._connection.execute("PRAGMA data_version").fetchone()[0]
        except (sqlite3.Error, OSError):
            self._close()
            return self._seen

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
