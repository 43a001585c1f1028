from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from otel_agent_telemetry.consent import Consent, Decision, choice_file, default_state_dir, store_choice

YES = Decision(enabled=True, rule="default", reason="no rule switches it off")
BROKEN = {
    "empty": "",
    "no JSON": "telemetry: off",
    "cut off": '{"telemetry": "of',
    "more than JSON": '{"telemetry": "on"}' + " " * 5000 + "x",
    "nested": "[" * 4096,
    "no UTF-8": b'{"telemetry": "\xff"}',
}
SILENT = {
    "a list": "[]",
    "a word": '"on"',
    "null": "null",
    "another key": '{"enabled": true}',
    "another word": '{"telemetry": "ON"}',
    "a flag": '{"telemetry": true}',
}


def write(path: Path, content: str | bytes) -> str:
    """Make a file, its folder too; gives its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def with_policy(path: str, folder: Path) -> Decision:
    """What is decided where only the managed policy may say something."""
    return Consent(state_dir=str(folder / "state"), environ={}, managed_policy=path).decide()


def with_choice(folder: Path) -> Decision:
    """What is decided where only the stored choice may say something."""
    return Consent(state_dir=str(folder), environ={}, managed_policy=str(folder / "none.json")).decide()


def no(rule: str, reason: str) -> Decision:
    """A no by that rule."""
    return Decision(enabled=False, rule=rule, reason=reason)


@pytest.mark.parametrize("content", ['{"telemetry": "on"}', '{"telemetry":"on","by":"it"}\n'])
def test_a_policy_that_allows(tmp_path: Path, content: str) -> None:
    """A managed policy that says on leaves the matter to the other rules."""
    assert with_policy(write(tmp_path / "policy.json", content), tmp_path) == YES


def test_a_policy_that_forbids(tmp_path: Path) -> None:
    """A managed policy that says off switches every product of the machine off."""
    path = write(tmp_path / "policy.json", '{"telemetry": "off"}')
    assert with_policy(path, tmp_path) == no("managed_policy", f"{path} says off")


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_policy(tmp_path: Path, content: str | bytes) -> None:
    """A managed policy that cannot be parsed means no."""
    path = write(tmp_path / "policy.json", content)
    reason = f'{path} is not JSON; expected {{"telemetry": "on"}} or {{"telemetry": "off"}}'
    assert with_policy(path, tmp_path) == no("managed_policy", reason)


@pytest.mark.parametrize("content", SILENT.values(), ids=SILENT)
def test_a_policy_that_says_neither(tmp_path: Path, content: str) -> None:
    """A managed policy that says neither on nor off means no."""
    path = write(tmp_path / "policy.json", content)
    assert with_policy(path, tmp_path) == no("managed_policy", f'{path} says neither "on" nor "off"')


def test_an_unreadable_policy(tmp_path: Path) -> None:
    """A managed policy that is there and cannot be opened means no."""
    path = tmp_path / "policy.json"
    path.symlink_to(path)
    assert with_policy(str(path), tmp_path) == no(
        "managed_policy", f"{path} cannot be read ({os.strerror(errno.ELOOP)})"
    )


def test_a_folder_in_place_of_a_policy(tmp_path: Path) -> None:
    """A folder of the policy's name means no."""
    assert with_policy(str(tmp_path), tmp_path) == no("managed_policy", f"{tmp_path} cannot be read (Is a directory)")


def test_no_policy_below_a_file(tmp_path: Path) -> None:
    """A file where the policy's folder would be is as good as no policy."""
    assert with_policy(str(Path(write(tmp_path / "file", "")) / "policy.json"), tmp_path) == YES


@pytest.mark.parametrize(
    ("enabled", "decision"), [(True, YES), (False, Decision(enabled=False, rule="stored_choice", reason="{} says off"))]
)
def test_a_stored_choice(tmp_path: Path, enabled: bool, decision: Decision) -> None:  # noqa: FBT001 - a parameter
    """What the user stored is what the next program decides."""
    store_choice(str(tmp_path), enabled=enabled)
    reason = decision.reason.format(choice_file(str(tmp_path)))
    assert with_choice(tmp_path) == Decision(enabled=enabled, rule=decision.rule, reason=reason)


@pytest.mark.parametrize("content", {**BROKEN, **SILENT}.values(), ids={**BROKEN, **SILENT})
def test_a_broken_choice(tmp_path: Path, content: str | bytes) -> None:
    """A stored choice that is broken means no."""
    write(tmp_path / "consent.json", content)
    decision = with_choice(tmp_path)
    assert (decision.enabled, decision.rule) == (False, "stored_choice")


def test_an_unreadable_choice(tmp_path: Path) -> None:
    """A stored choice that cannot be opened means no."""
    (tmp_path / "consent.json").mkdir()
    path = choice_file(str(tmp_path))
    assert with_choice(tmp_path) == no("stored_choice", f"{path} cannot be read (Is a directory)")


def test_storing_a_choice(tmp_path: Path) -> None:
    """A choice is stored whole, in a folder of the user's own, and the next one takes its place."""
    folder = tmp_path / "new" / "state"
    for enabled in (True, False):
        store_choice(str(folder), enabled=enabled)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"consent.json": '{"telemetry": "off"}\n'}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_default_place_always_counts(tmp_path: Path) -> None:
    """A no at the default place reaches a product that keeps its state elsewhere, whatever is stored there."""
    environ = {"XDG_STATE_HOME": str(tmp_path / "home")}
    default, own = default_state_dir(environ), str(tmp_path / "own")
    store_choice(own, enabled=True)
    store_choice(default, enabled=False)
    decision = Consent(state_dir=own, environ=environ, managed_policy="").decide()
    assert decision == no("stored_choice", f"{choice_file(default)} says off")


def test_a_pipe_in_place_of_a_choice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A pipe is not waited for: it means no, with a warning."""
    path = choice_file(str(tmp_path))
    os.mkfifo(path)
    assert with_choice(tmp_path) == no("stored_choice", f"{path} cannot be read (not an ordinary file)")
    assert caplog.messages == [f"telemetry is off: {path} is refused: not an ordinary file"]


def test_a_device_in_place_of_a_choice(tmp_path: Path) -> None:
    """A link to a device that never ends is not read."""
    path = choice_file(str(tmp_path))
    Path(path).symlink_to("/dev/zero")
    assert with_choice(tmp_path) == no("stored_choice", f"{path} cannot be read (not an ordinary file)")


def test_a_choice_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask, nobody else may write the choice, nor a folder that was made for it."""
    before = os.umask(0)
    try:
        store_choice(str(tmp_path / "new" / "state"), enabled=False)
    finally:
        os.umask(before)
    made = [tmp_path / "new", tmp_path / "new" / "state", tmp_path / "new" / "state" / "consent.json"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o700, 0o700, 0o600]


def test_no_choice_where_others_write(tmp_path: Path) -> None:
    """A choice is not stored where another account could take it away again."""
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match=r"other accounts can write to .*: chmod o-w"):
        store_choice(str(tmp_path), enabled=False)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/otel-agent-telemetry"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/var/me"}, "/var/me/.local/state/otel-agent-telemetry"),
        ({"XDG_STATE_HOME": "", "HOME": "/var/me"}, "/var/me/.local/state/otel-agent-telemetry"),
        ({"HOME": "/var/me"}, "/var/me/.local/state/otel-agent-telemetry"),
    ],
)
def test_where_state_is_kept(environ: dict[str, str], expected: str) -> None:
    """State is under the XDG state directory; a relative one does not count."""
    assert default_state_dir(environ) == expected


def test_where_state_is_kept_without_a_home() -> None:
    """Where the environment names no home, the operating system does."""
    assert default_state_dir({}) == str(Path("~").expanduser() / ".local" / "state" / "otel-agent-telemetry")
