"""An identity in three small files."""

from __future__ import annotations

import os

from otel_agent_telemetry._folder import FolderLock, make_private, write_private
from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.identity._store import STORED_KEYS

__all__ = ["FileStore"]

_LONGEST_VALUE = 4096


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
        try:
            make_private(self.folder)
            with FolderLock(self.folder):
                stored = self._read(key)
                if stored is not None and stored != replacing:
                    return stored
                write_private(self._path(key), value + "\n")
        except OSError as error:
            raise self._broken(error) from error
        return value

    def delete(self) -> None:
        """Remove the files, drafts of a killed process included, and the folder if nothing else is in it."""
        try:
            ours = [name for name in os.listdir(self.folder) if name.split(".")[0] in STORED_KEYS]
            for name in ours:
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
        try:
            with open(self._path(key), "rb") as file:
                return file.read(_LONGEST_VALUE).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None

    def _broken(self, error: OSError) -> StoreError:
        reason = error.strerror or error
        advice = "set AGENT_TELEMETRY_STATE_DIR to a folder of yours"
        return StoreError(f"identity files in {self.folder}: {reason}; {advice}")
