"""The keyed hash that stands for an identifier."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["reference"]


def reference(key: bytes, namespace: str, identifier: str) -> str:
    """The keyed hash of an identifier: BLAKE2b (RFC 7693), 16 hex digits, personalised by its namespace."""
    data = identifier.encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=8, key=key, person=namespace.encode()[:16]).hexdigest()
