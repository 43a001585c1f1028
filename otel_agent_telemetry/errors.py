"""Every error that this package raises on purpose.

::

    TelemetryError
    ├── SettingError      a wrong argument of configure() or a wrong variable
    ├── ContractError     a declaration that the contract cannot take
    ├── StoreError        an identity store that cannot be read or written
    ├── LedgerError       a ledger that cannot be opened
    └── InputError        a file or address given on the command line

They are raised where a program is set up or a command is typed, never from a running host's code path.
"""

from __future__ import annotations

__all__ = ["ContractError", "InputError", "LedgerError", "SettingError", "StoreError", "TelemetryError"]


class TelemetryError(Exception):
    """Root of the tree; its text names the value, what was expected and what to do next."""


class SettingError(TelemetryError, ValueError):
    """A setting that cannot be used; which argument and which variable may have said it."""

    argument: str | None = None
    variable: str | None = None


class ContractError(TelemetryError, ValueError):
    """A declaration that the contract cannot take."""


class StoreError(TelemetryError):
    """An identity store that cannot be read or written."""


class LedgerError(TelemetryError):
    """A ledger that cannot be opened."""


class InputError(TelemetryError, ValueError):
    """A file or address given on the command line that cannot be used."""
