"""Folders that only their owner may read, and one process at a time in them."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["FolderLock", "make_private", "write_private"]

_LOCK_SECONDS = 5.0
_LOCK_PAUSE_SECONDS = 0.002


def make_private(folder: str) -> None:
    """Make that folder and those above it that are missing, each with mode 0700."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(os.path.abspath(folder))
    if above != folder:
        make_private(above)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise


def write_private(path: str, text: str) -> None:
    """Put a file of mode 0600 there in one step: a reader, or a crash, sees the old text or the new, never a part."""
    draft = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.draft"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
    except BaseException:
        if os.path.exists(draft):
            os.unlink(draft)
        raise


class FolderLock:
    """Held by one process, and by one thread of it, at a time; the system frees it when its holder dies.

    The lock is on the folder itself, so that nothing has to be left behind. Raises BlockingIOError where it is not to
    be had in time: somebody who was stopped while holding it must not stop others.
    """

    __slots__ = ("_descriptor", "_folder")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._descriptor = -1

    def __enter__(self) -> None:
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            _lock(self._descriptor)
        except BaseException:
            os.close(self._descriptor)
            raise
        _held.add(self._descriptor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None, /
    ) -> None:
        import fcntl

        _held.discard(self._descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # a forked child may still have the descriptor
        os.close(self._descriptor)


def _lock(descriptor: int) -> None:
    import fcntl
    import time

    from otel_agent_telemetry._deadline import held_up, left, went_on

    ends_at = time.monotonic() + left(_LOCK_SECONDS)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends_at:
                raise
        else:
            return went_on()
        held_up()
        time.sleep(_LOCK_PAUSE_SECONDS)


_held: set[int] = set()


def _leave_to_parent() -> None:
    """In a forked child: close what another thread of the parent held; the parent's death frees it then."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
