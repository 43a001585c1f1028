"""An identity in three small files."""

from __future__ import annotations

import os

from otel_agent_telemetry._folder import FolderLock, make_private, read_plain, require_own, write_private
from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.identity._store import STORED_KEYS

__all__ = ["FileStore", "is_identity_file"]

_LONGEST_VALUE = 4096
_ATTEMPTS = 2


class FileStore:
    """Files of mode 0600 in ``state_dir/product``, shared by all processes of one user on one machine."""

    mint = True

    def __init__(self, state_dir: str | os.PathLike[str], product: str) -> None:
        if product in {"", ".", ".."} or "/" in product or "\0" in product:
            raise SettingError(f"FileStore(product={product!r}): expected a name such as 'acme-agents', not a path")
        self.folder = os.path.join(os.fspath(state_dir), product)

    def get(self, key: str) -> str | None:
        """The text of that key's file."""
        try:
            return self._read(key)
        except OSError as error:
            raise self._broken(error) from error

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """Write that key's file, if it is missing or holds ``replacing``."""
        for attempt in range(_ATTEMPTS):
            try:
                return self._put(key, value, replacing)
            except FileNotFoundError as error:  # forgotten in this very moment, folder and all
                if attempt + 1 == _ATTEMPTS:
                    raise self._broken(error) from error
            except OSError as error:
                raise self._broken(error) from error
        return value

    def _put(self, key: str, value: str, replacing: str | None) -> str:
        make_private(self.folder)
        self._require_own()
        with FolderLock(self.folder):
            stored = self._read(key)
            if stored is not None and stored != replacing:
                return stored
            write_private(self._path(key), value + "\n")
        return value

    def delete(self) -> None:
        """Remove the files, drafts of a killed process included, and the folder if nothing else is in it."""
        try:
            for name in filter(is_identity_file, os.listdir(self.folder)):
                os.unlink(os.path.join(self.folder, name))
            if not os.listdir(self.folder):
                os.rmdir(self.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._broken(error) from error

    def _path(self, key: str) -> str:
        return os.path.join(self.folder, key)

    def _read(self, key: str) -> str | None:
        self._require_own()
        path = self._path(key)
        require_own(path)  # a key that somebody else planted there is known to him
        try:
            return read_plain(path, _LONGEST_VALUE).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None

    def _require_own(self) -> None:
        require_own(os.path.dirname(self.folder))
        require_own(self.folder)

    def _broken(self, error: OSError) -> StoreError:
        reason = error.strerror or error
        advice = "set AGENT_TELEMETRY_STATE_DIR to a folder of yours"
        return StoreError(f"identity files in {self.folder}: {reason}; {advice}")


def is_identity_file(name: str) -> bool:
    """Whether a file of that name is one of an identity, or the draft of one that a killed process left."""
    key, *draft = name.split(".")
    if key not in STORED_KEYS or not draft:
        return key in STORED_KEYS
    return len(draft) == 3 and draft[0].isdigit() and draft[2] == "draft"  # noqa: PLR2004 - as write_private names it
