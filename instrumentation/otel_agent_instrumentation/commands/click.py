"""Commands of click programs: path, outcome, exit code and duration, never an argument.

Hooks: ``click.core.Command.invoke`` of the innermost command, through which everything that ends it passes; and
``Command.make_context`` and ``Group.invoke`` for command lines that cannot be understood. Programs that run a service
(``celery``, ``flask``, …) are not commands of the product and are left out.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

from otel_agent_instrumentation._hooks import FrameworkInstrumentor, quiet
from otel_agent_instrumentation.commands import _commands

if TYPE_CHECKING:
    from otel_agent_instrumentation._hooks import Hooks

__all__ = ["ClickInstrumentor", "install_on"]

_inside: ContextVar[bool] = ContextVar("agent_telemetry_command", default=False)
_told: ContextVar[BaseException | None] = ContextVar("agent_telemetry_told", default=None)


class ClickInstrumentor(FrameworkInstrumentor):
    """Reports the commands of click programs."""

    requires: ClassVar[tuple[str, ...]] = ("click >= 8.1, < 9",)

    def install(self, hooks: Hooks) -> None:
        """Hook the base class of commands."""
        hooks.when_imported("click.core", lambda module: install_on(hooks, module.Command, module.Group))


def install_on(hooks: Hooks, command: Any, group: Any) -> None:
    """Hook the commands and groups of click, or of a copy of it."""
    hooks.wrap(command, "invoke", _invoke)
    hooks.wrap(command, "make_context", _make_context)
    hooks.wrap(group, "invoke", _invoke_group)


def _invoke(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    context = args[0] if args else kwargs.get("ctx")
    names = None if _inside.get() else _product_path(instance, context)
    if names is None:
        return wrapped(*args, **kwargs)
    token = _inside.set(True)
    command = _commands.begin(names[0], names[1:])
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        _told.set(error)
        _commands.end(command, error)
        raise
    finally:
        _inside.reset(token)
    _commands.end(command, None)
    return result


def _make_context(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except Exception as error:
        name, parent = args[0] if args else kwargs.get("info_name"), kwargs.get("parent")
        _refuse(instance, [*_names(parent), str(name or "")], error)
        raise


def _invoke_group(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except Exception as error:
        context = args[0] if args else kwargs.get("ctx")
        if type(error).__module__.endswith("exceptions"):  # click's own, such as for a command that does not exist
            _refuse(instance, _names(context), error)
        raise


@quiet
def _product_path(command: Any, context: Any) -> list[str] | None:
    """The command's path, the program's name first; None for a group that passes on, and for what is another's."""
    if context.invoked_subcommand is not None or not _commands.is_product(_module_of(command)):
        return None
    return _names(context)


def _names(context: Any) -> list[str]:
    """What the program and its commands down to this one are called; click's own path holds arguments, too."""
    names: list[str] = []
    while context is not None:
        names.insert(0, context.info_name or "")
        context = context.parent
    return names


@quiet
def _refuse(command: Any, names: list[str], error: Exception) -> None:
    if not _inside.get() and _told.get() is not error and _commands.is_product(_module_of(command)):
        _told.set(error)
        _commands.refuse(names[0], names[1:], error)


def _module_of(command: Any) -> str | None:
    callback = getattr(command, "callback", None)
    if callback is None:
        callback = next((each.callback for each in getattr(command, "commands", {}).values() if each.callback), None)
    return getattr(callback, "__module__", None)
