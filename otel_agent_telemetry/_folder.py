"""Folders and files that only their owner may read, and one process at a time in them.

What another account put there, or may put there, is refused with an OSError: never followed, and never waited for.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = [
    "NO_HOME",
    "FolderLock",
    "default_state_dir",
    "ledger_file",
    "make_private",
    "read_plain",
    "require_own",
    "write_private",
]

# Where a user without a home keeps things: no folder can be made there, and each message that names it says why.
NO_HOME = os.path.join(os.devnull, "no-home")

_LONGEST_FILE = 65_536

_LOCK_SECONDS = 5.0
_ENTERING_SECONDS = 1.0  # of who leaves the program: nothing can be kept where there is no way into the folder
_LOCK_PAUSE_SECONDS = 0.002


def default_state_dir(environ: Mapping[str, str] = os.environ) -> str:
    """``otel-agent-telemetry`` under the XDG state directory (XDG Base Directory Specification 0.8)."""
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        home = environ.get("HOME") or os.path.expanduser("~")
        base = os.path.join(home, ".local", "state") if os.path.isabs(home) else NO_HOME
    return os.path.join(base, "otel-agent-telemetry")


def ledger_file(state_dir: str, product: str) -> str:
    """Where the ledger of a product is."""
    return os.path.join(state_dir, product, "ledger.db")


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


def require_own(path: str) -> None:
    """Raise PermissionError where another account made that file or folder, or may put others in its place.

    Missing is fine. Members of a group are whom the operator chose; root may do anything in any case.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode) and _is_own(found):
            found = os.stat(path)
    except FileNotFoundError:
        return
    if not _is_own(found):
        raise PermissionError(errno.EPERM, _foreign(path, found.st_uid))
    is_open = found.st_mode & stat.S_IWOTH and not (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX)
    if is_open and not stat.S_ISLNK(found.st_mode):
        raise PermissionError(errno.EPERM, f"other accounts can write to {path}, so it is not used: chmod o-w {path}")


def _foreign(path: str, owner: int) -> str:
    """What to do about a folder of another account's, as a container has where one of the machine's is mounted."""
    mine = os.geteuid()
    ways = f"chown {mine} {path}, or run the program as uid {owner} (in a container: --user {owner})"
    return f"{path} belongs to uid {owner} and this program is uid {mine}, so it is not used: {ways}"


def _is_own(found: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or found.st_uid in {0, os.geteuid()}


def read_plain(path: str, limit: int = _LONGEST_FILE) -> bytes:
    """The first bytes of an ordinary file; OSError for a pipe, a device, or a link that another account planted."""
    if os.path.islink(path) and not _is_own(os.lstat(path)):
        raise PermissionError(errno.EPERM, "a link of another account")
    # A pipe that nobody writes to would be waited for without O_NONBLOCK.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise PermissionError(errno.EPERM, "not an ordinary file")
        return _all_of(descriptor, limit)
    finally:
        os.close(descriptor)


def _all_of(descriptor: int, limit: int) -> bytes:
    read = b""
    while len(read) < limit and (part := os.read(descriptor, limit - len(read))):
        read += part
    return read


def write_private(path: str, text: str, *, sync: bool = True) -> None:
    """Put a file of mode 0600 there in one step: a reader, or a crash, sees the old text or the new, never a part.

    Without ``sync`` a crash of the whole machine may leave neither; the disk is not waited for.
    """
    draft = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.draft"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if sync:
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

    from otel_agent_telemetry._deadline import held_up, left, left_for_others, went_on

    ends_at = time.monotonic() + left(_LOCK_SECONDS)
    waited = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left_for_others(ends_at - time.monotonic(), moment=_ENTERING_SECONDS) <= 0:
                raise
        else:
            if waited:  # else it was something else that was waited for
                went_on()
            return
        waited = True
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
