"""Which files in a product's folder are ours, by their exact names."""

from __future__ import annotations

import os
import re
import stat

from otel_agent_telemetry._sqlite import belongs_to
from otel_agent_telemetry.identity._file_store import is_identity_file

__all__ = ["own_files"]

_NUMBER = re.compile(r"^ledger-\d+\.db", re.ASCII)  # beside that of another version of this package


def own_files(folder: str) -> list[str]:
    """The names of our files there; a folder, or a link to one, that somebody gave such a name is none of them."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if _is_ours(entry.name) and _is_file(entry))


def _is_ours(name: str) -> bool:
    return (
        name == "notice" or is_identity_file(name) or belongs_to("ledger.db", _NUMBER.sub("ledger.db", name, count=1))
    )


def _is_file(entry: os.DirEntry[str]) -> bool:
    return not stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode)
