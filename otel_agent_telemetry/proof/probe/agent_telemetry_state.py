"""The state of a process, as names and texts that can be compared with another run's.

Stands alone, on the standard library of the program's own Python.
"""

from __future__ import annotations

import gc
import hashlib
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import types
import warnings
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_OURS = ("otel_agent", "opentelemetry", "agent_telemetry_", "wrapt")


def state(registered: list[Callable[..., Any]], folder: str) -> dict[str, Any]:
    """Each thing that is compared: a text, or a list of texts."""
    umask = os.umask(0o022)
    os.umask(umask)
    return {
        "signal handlers": [f"{number.name}: {_name(signal.getsignal(number))}" for number in _signals()],
        "signal mask": sorted(str(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "timers": [str(signal.getitimer(which)[1]) for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL)],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "random": hashlib.sha256(repr(random.getstate()).encode()).hexdigest()[:16],
        "hooks": [f"sys.{hook}: {_name(getattr(sys, hook))}" for hook in _HOOKS]
        + [f"threading.excepthook: {_name(threading.excepthook)}"]
        + [f"sys.settrace: {_name(sys.gettrace())}", f"sys.setprofile: {_name(sys.getprofile())}"],
        "exit handlers": [_name(each) for each in registered],
        "descriptors": sorted(_descriptors(folder)),
        "environment": [f"{name}={value}" for name, value in sorted(os.environ.items()) if "_PROBE" not in name],
        "locale, umask, folder": [
            f"locale {locale.setlocale(locale.LC_ALL)}",
            f"umask {umask:03o}",
            f"working directory {os.getcwd()}",
        ],
        "logging": list(_logging()),
        "warnings filters": [_filter(*each) for each in warnings.filters],
        "modules": sorted({name.partition(".")[0] for name in list(sys.modules)}),
        "import system": [
            *(f"path {path}" for path in sys.path),
            *(f"finder {_name(finder)}" for finder in sys.meta_path),
            *(f"hook {_name(hook)}" for hook in sys.path_hooks),
        ],
        "interpreter": [
            f"recursion limit {sys.getrecursionlimit()}",
            f"switch interval {sys.getswitchinterval()}",
            f"garbage collection {gc.get_threshold()} {gc.isenabled()} {len(gc.callbacks)} callbacks",
            f"socket timeout {socket.getdefaulttimeout()}",
            f"thread stack {threading.stack_size()}",
            *(f"sys.{name} {type(getattr(sys, name)).__name__}" for name in ("stdin", "stdout", "stderr")),
            *_of_loaded(),
        ],
        "callables": dict(_callables()),
    }


_HOOKS = ("excepthook", "unraisablehook", "displayhook", "breakpointhook")


def _signals() -> list[signal.Signals]:
    return sorted(number for number in signal.Signals if number not in {signal.SIGKILL, signal.SIGSTOP})


def _of_loaded() -> Iterator[str]:
    """What only a program that has the module can have changed, where it is not as Python has it."""
    running = sys.modules.get("asyncio")
    if running is not None and sys.version_info < (3, 14):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            policy = running.get_event_loop_policy()
        if policy.__class__ is not running.DefaultEventLoopPolicy:
            yield f"asyncio policy {_name(policy)}"
    processes = sys.modules.get("multiprocessing.context")
    chosen = getattr(getattr(processes, "_default_context", None), "_actual_context", None)
    if chosen is not None:
        yield f"multiprocessing {type(chosen).__name__}"


def _logging() -> Iterator[str]:
    known = [("root", logging.root), *sorted(logging.root.manager.loggerDict.items())]
    for name, logger in known:
        if isinstance(logger, logging.Logger):
            parts = [_name(type(each)) for each in (*logger.handlers, *logger.filters)]
            if parts or logger.level or logger.disabled or not logger.propagate:
                yield f"{name}: level {logger.level}, {parts}, {logger.disabled}, {logger.propagate}"
    yield f"disabled below {logging.root.manager.disable}, class {_name(logging.getLoggerClass())}"
    yield f"factory {_name(logging.getLogRecordFactory())}, last resort {type(logging.lastResort).__name__}"


def _descriptors(folder: str) -> Iterator[str]:
    place = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    for number in os.listdir(place):
        try:
            target = os.readlink(os.path.join(place, number))
        except OSError:
            continue
        kind = target.partition(":[")[0]
        if not target.startswith(("/proc/", folder)):
            yield kind if kind in {"socket", "pipe"} else target


def _filter(action: str, message: Any, category: Any, module: Any, line: int) -> str:
    texts = [getattr(each, "pattern", each) for each in (message, module)]
    return f"{action} {_name(category)} {texts[0]!r} {texts[1]!r} {line}"


def _callables() -> Iterator[tuple[str, str]]:
    """Every function, method and class of the loaded modules: where its code stands."""
    for module_name, module in list(sys.modules.items()):
        held: Any = module  # it may be None, or anything else that somebody put there
        if not isinstance(held, types.ModuleType) or module_name.startswith(_OURS):
            continue
        for name, value in list(vars(held).items()):
            told = _told(value)
            if told is not None:
                yield f"{module_name}.{name}", told
            if type(value) is type and getattr(value, "__module__", None) == module_name:
                for inner, method in list(value.__dict__.items()):
                    told = _told(method.__func__ if type(method) in {staticmethod, classmethod} else method)
                    if told is not None:
                        yield f"{module_name}.{name}.{inner}", told


def _told(value: Any) -> str | None:
    """Where its code stands; asks nothing of a value but its type, as a lazy one would load what it stands for."""
    kind = cast("Any", type(value))
    if str(kind.__module__).partition(".")[0] in {"wrapt", "_wrapt"}:
        wrapper = getattr(value, "_self_wrapper", None)
        return f"wrapped by {getattr(wrapper, '__module__', None) or kind.__module__}"
    if kind is types.FunctionType:
        return f"{value.__code__.co_filename}:{value.__code__.co_firstlineno}"
    if kind is type:
        return f"class {value.__module__}.{value.__qualname__}"
    if kind in {types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType}:
        return f"built in {getattr(value, '__module__', None)}.{value.__name__}"
    return None


def _name(value: Any) -> str:
    if value is None or isinstance(value, (int, str)):
        return str(value)
    owner = cast("Any", value if hasattr(value, "__qualname__") else type(value))
    return f"{getattr(value, '__module__', None) or owner.__module__}.{owner.__qualname__}"
