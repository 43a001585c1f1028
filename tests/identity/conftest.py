"""The database that identities are stored in."""

from tests.postgres import postgres

__all__ = ["postgres"]
