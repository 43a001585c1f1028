"""Consent: may anonymous events be collected and sent, and which rule says so.

Any "no" wins, and what cannot be read means no. The module is imported by every program, opted out or not, so it
imports next to nothing until a file has to be parsed.
"""

from __future__ import annotations

import errno
import os

from otel_agent_telemetry._folder import (
    NO_HOME,
    default_state_dir,
    make_private,
    read_plain,
    require_own,
    write_private,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MANAGED_POLICY", "NO_HOME", "Consent", "Decision", "choice_file", "default_state_dir", "store_choice"]

MANAGED_POLICY = "/etc/otel-agent-telemetry/policy.json"
_YES = ("true", "1", "yes", "on")
_VARIABLES = (
    "DO_NOT_TRACK",
    "ANONYMIZED_TELEMETRY",
    "TELEMETRY_ENABLED",
    "OTEL_SDK_DISABLED",
)


class Decision:
    """Whether events may be collected: ``enabled``, the ``rule`` that decided, and the ``reason`` in words."""

    __slots__ = ("enabled", "reason", "rule")

    def __init__(self, *, enabled: bool, rule: str, reason: str) -> None:
        self.enabled = enabled
        self.rule = rule
        self.reason = reason

    def __repr__(self) -> str:
        return f"Decision(enabled={self.enabled}, rule={self.rule!r}, reason={self.reason!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return (self.enabled, self.rule, self.reason) == (other.enabled, other.rule, other.reason)

    def __hash__(self) -> int:
        return hash((self.enabled, self.rule, self.reason))


def choice_file(state_dir: str) -> str:
    """Where the user's own choice is stored; it holds for every product that keeps its state there."""
    return os.path.join(state_dir, "consent.json")


def store_choice(state_dir: str, *, enabled: bool) -> None:
    """Store the user's choice, whole or not at all. Raises OSError, also where others could take it away again."""
    try:
        make_private(state_dir)
    except FileExistsError:  # a file stands where a folder would
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), state_dir) from None
    require_own(state_dir)
    write_private(choice_file(state_dir), '{"telemetry": "%s"}\n' % ("on" if enabled else "off"))


class Consent:
    """The rules, with what they look at; asked again while the program runs."""

    def __init__(
        self,
        *,
        state_dir: str,
        opt_out_env: str | None = None,
        enabled: bool | None = None,
        environ: Mapping[str, str] = os.environ,
        managed_policy: str = MANAGED_POLICY,
    ) -> None:
        self._choices = dict.fromkeys((choice_file(state_dir), choice_file(default_state_dir(environ))))
        self.opt_out_env = _variable_name(opt_out_env)
        self._enabled = enabled
        self._environ = environ
        self._managed_policy = managed_policy
        self._variables = _Variables(environ, (*_VARIABLES, *filter(None, [self.opt_out_env])))
        self._environment_allows = True
        self._rules: dict[str, Callable[[], str | None]] = {
            "DO_NOT_TRACK": self._do_not_track,
            "ANONYMIZED_TELEMETRY": self._anonymized_telemetry,
            "TELEMETRY_ENABLED": self._telemetry_enabled,
            "product_variable": self._own_variable,
            "OTEL_SDK_DISABLED": self._sdk_disabled,
            "managed_policy": self._policy,
            "stored_choice": self._stored_choice,
            "argument": self._argument,
            "test_run": self._test_run,
        }

    def decide(self) -> Decision:
        """The first rule that says no, or a yes when none does."""
        for name, rule in self._rules.items():
            reason = rule()
            if reason is not None:
                return Decision(enabled=False, rule=name, reason=reason)
        return Decision(enabled=True, rule="default", reason="no rule switches it off")

    def verdicts(self) -> list[Decision]:
        """What each rule says, in order, the deciding one being the first that says no."""
        verdicts: list[Decision] = []
        for name, rule in self._rules.items():
            reason = rule()
            verdicts.append(Decision(enabled=reason is None, rule=name, reason=reason or "does not switch it off"))
        return verdicts

    def allowed(self) -> bool:
        """Whether events may flow now, by every rule: asked before anything is kept, and again before it is sent."""
        return self.decide().enabled

    def recordable(self) -> bool:
        """Whether an event may be recorded now, as far as the environment says; quick, as each event asks."""
        if self._variables.have_changed():
            rules = (
                "DO_NOT_TRACK",
                "ANONYMIZED_TELEMETRY",
                "TELEMETRY_ENABLED",
                "product_variable",
                "OTEL_SDK_DISABLED",
            )
            self._environment_allows = all(self._rules[name]() is None for name in rules)
        return self._environment_allows

    def _do_not_track(self) -> str | None:
        value = self._environ.get("DO_NOT_TRACK")
        if value is None or value.strip().lower() in {"", "0", "false"}:
            return None
        return f"DO_NOT_TRACK={value}"

    def _anonymized_telemetry(self) -> str | None:
        return self._switched_off_by("ANONYMIZED_TELEMETRY")

    def _telemetry_enabled(self) -> str | None:
        return self._switched_off_by("TELEMETRY_ENABLED")

    def _own_variable(self) -> str | None:
        return None if self.opt_out_env is None else self._switched_off_by(self.opt_out_env)

    def _sdk_disabled(self) -> str | None:
        value = self._environ.get("OTEL_SDK_DISABLED", "")
        return f"OTEL_SDK_DISABLED={value}" if value.strip().lower() == "true" else None

    def _policy(self) -> str | None:
        return _says_off(self._managed_policy)

    def _stored_choice(self) -> str | None:
        # What is stored at the default place holds for every product of the user, wherever it keeps its state.
        return next(filter(None, map(_says_off, self._choices)), None)

    def _argument(self) -> str | None:
        # 0 and "no" are no less a no than False, whatever the type checker says of them
        return None if self._enabled is None or self._enabled is True else f"configure(enabled={self._enabled!r})"

    def _test_run(self) -> str | None:
        if "PYTEST_VERSION" in self._environ and self._environ.get("AGENT_TELEMETRY_ALLOW_IN_TESTS") != "1":
            return "PYTEST_VERSION is set; AGENT_TELEMETRY_ALLOW_IN_TESTS=1 allows events in tests"
        return None

    def _switched_off_by(self, variable: str) -> str | None:
        value = self._environ.get(variable)
        if value is None or value == "" or value.strip().lower() in _YES:
            return None
        return f"{variable}={value}"


class _Variables:
    """Some variables of an environment, and whether one of them was changed since the last time.

    ``os.environ`` decodes and encodes at each look; below it lies a plain dictionary, where five of them cost as
    much as one.
    """

    def __init__(self, environ: Mapping[str, str], names: tuple[str, ...]) -> None:
        below: object = getattr(environ, "_data", None)
        encode: Callable[[str], object] = getattr(environ, "encodekey", str)
        self._get: Callable[[object], object] = (below if isinstance(below, dict) else environ).get  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue] - whatever keys it has
        self._names = [encode(name) if isinstance(below, dict) else name for name in names]
        self._seen: list[object] | None = None

    def have_changed(self) -> bool:
        """Whether a value is another one than at the last call."""
        values = [*map(self._get, self._names)]
        if values == self._seen:
            return False
        self._seen = values
        return True


def _variable_name(name: str | None) -> str | None:
    if name is None or (isinstance(name, str) and name):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        return name
    from otel_agent_telemetry.errors import SettingError  # only the one program that is told needs it

    raise SettingError(
        f"configure(opt_out_env=) is {name!r}; expected the name of a variable, such as 'ACME_TELEMETRY'."
        " `agent-telemetry status --opt-out-env NAME` shows what it says."
    )


def _says_off(path: str) -> str | None:
    """Why that file means off: it says so, or it is there and cannot be read as ``{"telemetry": "on" | "off"}``.

    A process that is short of descriptors or memory learns nothing of it: then what it said last holds.
    """
    try:
        said = _said_off(path)
    except OSError as error:
        if error.errno in _SHORT_OF and path in _said_last:
            return _said_last[path]
        if isinstance(error, PermissionError):
            _warn_once(f"{path} is refused: {error.strerror}")
        said = f"{path} cannot be read ({error.strerror})"
    _said_last[path] = said
    return said


_SHORT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_said_last: dict[str, str | None] = {}


def _said_off(path: str) -> str | None:
    try:
        text = read_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    import json  # only where a file says something: parsing costs what an opted-out start should not

    try:
        choice = json.loads(text)
    except (ValueError, RecursionError):
        return f'{path} is not JSON; expected {{"telemetry": "on"}} or {{"telemetry": "off"}}'
    telemetry = choice.get("telemetry") if isinstance(choice, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - parsed JSON
    if telemetry == "on":
        return None
    return f"{path} says off" if telemetry == "off" else f'{path} says neither "on" nor "off"'


_warned: set[str] = set()


def _warn_once(words: str) -> None:
    if words in _warned:
        return
    _warned.add(words)
    from otel_agent_telemetry._log import logger  # only where there is something to say

    logger.warning("telemetry is off: %s", words)
