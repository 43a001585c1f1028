"""The probe: an audit hook that writes down connections or written files, and the state of the process at its end.

Stands alone, on the standard library of the program's own Python.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_CORE = ("otel_agent_telemetry", "opentelemetry.sdk", "opentelemetry.exporter")
_AROUND = ("otel_agent_instrumentation", "opentelemetry", "wrapt", "openinference")
_LIBRARIES = frozenset(
    {"socket", "ssl", "http", "urllib", "urllib3", "requests", "threading", "concurrent", "asyncio", "selectors"}
    | {"contextlib", "functools", "contextvars", "agent_telemetry_probe", "encodings", "subprocess", "_sitebuiltins"}
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES_FILES = {"os.mkdir", "os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink", "os.truncate", "os.chmod"}

registered: list[Callable[..., Any]] = []
"""What the program gave to ``atexit.register``, in that order."""


is_compared: list[bool] = []
"""Holds something in the one process whose state is compared."""


def begin() -> None:
    """Watch this process, as the environment says."""
    what, folder = os.environ["AGENT_TELEMETRY_PROBE"], os.environ["AGENT_TELEMETRY_PROBE_FOLDER"]
    log = _Log(os.path.join(folder, "connections.jsonl" if what == "connections" else "written.jsonl"))
    sys.addaudithook(_Connections(log) if what == "connections" else _Files(log))
    if what == "state" and _is_first(folder):
        _state_at_end(os.path.join(folder, "state.json"), folder)


def hand_over() -> None:
    """The program begins: its random numbers are the same in each run, unless somebody draws from them."""
    if is_compared:
        import random

        random.seed(0)


class _Log:
    """A file to which many processes append one line at a time, each line once a process."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._told: set[str] = set()
        self.busy = threading.local()

    def tell(self, **line: Any) -> None:
        text = json.dumps(line)
        if text in self._told:
            return
        self._told.add(text)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, text.encode() + b"\n")
        finally:
            os.close(descriptor)


class _Connections:
    """Which addresses are reached for, and by whose code."""

    def __init__(self, log: _Log) -> None:
        self._log = log

    def __call__(self, event: str, arguments: Any) -> None:
        if not event.startswith("socket.") or getattr(self._log.busy, "now", False):
            return
        address = _address(event, arguments)
        if address is None:
            return
        self._log.busy.now = True
        try:
            caller = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the way to see who calls
            ours, by = _whose(caller)
            self._log.tell(address=address, ours=ours, by=by)
        except OSError:
            pass  # the folder is gone: the audit has ended
        finally:
            self._log.busy.now = False


def _address(event: str, arguments: Any) -> str | None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        given = arguments[1]
        if isinstance(given, tuple):
            return f"{given[0]}:{given[1]}"
        return None if given is None else "local " + (os.fsdecode(given) if given else "")
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"} and arguments[0]:
        return f"name {os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else arguments[0]}"
    return None


def _whose(frame: FrameType | None) -> tuple[bool, str]:
    """Whether our code did it, and which module: the innermost that is no library of transport."""
    around = ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if _is_in(name, _CORE):
            return True, name
        if _is_in(name, _AROUND):  # it may only be wrapped around what the program does
            around = around or name
        elif name.partition(".")[0] not in _LIBRARIES and not name.startswith("importlib"):
            return False, name
        frame = frame.f_back
    return bool(around), around or "unknown"


def _is_in(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


class _Files:
    """Which files are written, made, moved or taken away."""

    def __init__(self, log: _Log) -> None:
        self._log = log
        self._passing: set[str] = set()

    def __call__(self, event: str, arguments: Any) -> None:
        if getattr(self._log.busy, "now", False):
            return
        if event in {"tempfile.mkstemp", "tempfile.mkdtemp"}:
            self._passing.add(os.path.abspath(os.fsdecode(arguments[0])))
            return
        for path in _written(event, arguments):
            self._log.busy.now = True
            try:
                self._log.tell(path=self._named(path))
            except (OSError, ValueError):
                pass
            finally:
                self._log.busy.now = False

    def _named(self, path: Any) -> str:
        whole = os.path.abspath(os.fsdecode(path))
        for passing in self._passing:
            if whole == passing or whole.startswith(passing + os.sep):
                return "<temporary>" + whole[len(passing) :]
        return whole


def _written(event: str, arguments: Any) -> list[Any]:
    if event == "open":
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITING)
        return [path] if writes and isinstance(path, (str, bytes, os.PathLike)) else []
    if event == "sqlite3.connect":
        return [arguments[0]] if isinstance(arguments[0], (str, bytes)) and arguments[0] != ":memory:" else []
    if event in _CHANGES_FILES:
        return [each for each in arguments[:2] if isinstance(each, (str, bytes, os.PathLike))]
    return []


def _is_first(folder: str) -> bool:
    """Whether no Python process of the program was here before: that one's state is compared."""
    try:
        os.close(os.open(os.path.join(folder, "first"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return False
    return True


def _state_at_end(path: str, folder: str) -> None:
    import agent_telemetry_state

    is_compared.append(True)
    real = atexit.register

    def register(function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
        registered.append(function)
        return real(function, *arguments, **options)

    atexit.register = register
    process = os.getpid()
    done: list[bool] = []

    def write() -> None:
        if done or os.getpid() != process:
            return
        done.append(True)
        state = agent_telemetry_state.state(registered, folder)
        with open(path + ".part", "w", encoding="utf-8", errors="surrogatepass") as file:
            json.dump(state, file)
        os.replace(path + ".part", path)

    # The program's own end is before all exit handlers; the SDK's and ours are among those.
    before_handlers = getattr(threading, "_register_atexit", None)
    if before_handlers is not None:
        before_handlers(write)
    real(write)
