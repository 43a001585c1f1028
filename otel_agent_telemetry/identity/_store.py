"""What an identity store is."""

from __future__ import annotations

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

__all__ = ["INSTALLATION_ID_KEY", "INSTALLED_AT_KEY", "REFERENCE_KEY_KEY", "STORED_KEYS", "Store"]

INSTALLATION_ID_KEY = "telemetry_installation_id"
INSTALLED_AT_KEY = "telemetry_installed_at"
REFERENCE_KEY_KEY = "telemetry_reference_key"
STORED_KEYS = (INSTALLATION_ID_KEY, INSTALLED_AT_KEY, REFERENCE_KEY_KEY)


class Store(Protocol):
    """A place that all processes of an installation share; both methods raise StoreError.

    A store that may read but not make an identity says so with an attribute ``mint = False``.
    """

    def get(self, key: str) -> str | None:
        """The stored value, None where there is none."""
        raise NotImplementedError  # a protocol

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """Store the value if the key is missing or holds exactly ``replacing``; give what is stored afterwards.

        One step, whoever else tries at the same time: all callers get the same value back.
        """
        raise NotImplementedError  # a protocol
