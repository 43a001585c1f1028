"""What all framework modules share: hooks on import, replaced attributes that can be put back, and the guard."""

from __future__ import annotations

import functools
import logging
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

import wrapt
from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["FrameworkInstrumentor", "Hooks", "Wrapper", "quiet"]

Wrapper = Any
"""A function ``(wrapped, instance, args, kwargs)`` that calls ``wrapped`` and returns what it returned."""

_logger = logging.getLogger(__name__)
_ABSENT = object()


def quiet(function: Callable[P, R]) -> Callable[P, R | None]:
    """The function, whose exceptions go to the log at debug level and no further: it then gives None."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception:  # an observer never breaks its host
            with suppress(Exception):  # nor does what the host does with its log
                _logger.debug("%s failed", function.__qualname__, exc_info=True)
            return None

    return call


class Hooks:
    """What one instrumentor changed in its framework; :meth:`undo` puts the very same objects back."""

    def __init__(self, requires: Collection[str]) -> None:
        self._requires = requires
        self._undo: list[Callable[[], object]] = []
        self._active = True

    def when_imported(self, module: str, install: Callable[[Any], None]) -> None:
        """Call ``install(module)`` once the program has imported it, if its version is one that we know."""

        @quiet
        def imported(loaded: Any) -> None:
            if self._active and get_dependency_conflicts(self._requires) is None:
                install(loaded)

        wrapt.register_post_import_hook(imported, module)

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Replace the attribute of a class or module by a wrapper around it; one that is missing stays missing."""
        if not hasattr(owner, name):
            return
        self._remember(owner, name)
        wrapt.wrap_function_wrapper(owner, name, wrapper)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a method by ``make(method)``, for those who look at what it is: a proxy is no coroutine function."""
        if not hasattr(owner, name):
            return
        self._remember(owner, name)
        setattr(owner, name, make(getattr(owner, name)))

    def _remember(self, owner: Any, name: str) -> None:
        attributes: Mapping[str, Any] = owner.__dict__
        original = attributes.get(name, _ABSENT)

        def restore() -> None:
            if original is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, original)

        self._undo.append(restore)

    def later(self, undo: Callable[[], object]) -> None:
        """Have this done by :meth:`undo`."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Take everything back, the last change first."""
        self._active = False
        while self._undo:
            quiet(self._undo.pop())()


class FrameworkInstrumentor(BaseInstrumentor):
    """An instrumentor that hooks its framework when the program imports it.

    A framework that is missing or of a version outside ``requires`` is left alone.
    """

    requires: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        if not hasattr(self, "_hooks"):  # one object a class: BaseInstrumentor calls __init__ each time it is asked for
            self._hooks = Hooks(self.requires)

    def instrumentation_dependencies(self) -> Collection[str]:
        """The versions that are known to work."""
        return self.requires

    @abstractmethod
    def install(self, hooks: Hooks) -> None:
        """Say what to do when which module is imported."""

    def _instrument(self, **kwargs: Any) -> None:
        self._hooks = Hooks(self.requires)
        self.install(self._hooks)

    def _uninstrument(self, **kwargs: Any) -> None:
        self._hooks.undo()
