"""``telemetry.harness``: a process that a service starts, with and without asyncio, whatever becomes of telemetry."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry.harnesses import Harness
from otel_agent_telemetry.lifecycle import Lifecycle
from tests.lifecycle.acme import Acme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSION = {"type": "system", "subtype": "init", "session_id": "s", "model": "claude-sonnet-4-5"}
AGENT = f"""#!/bin/bash
printf '%s\\n' '{json.dumps(SESSION)}'
case $2 in
much) for i in {{1..40}}; do printf '%08192d' 0; done ;;
waits) trap 'exit 143' TERM; echo; while :; do sleep 0.05; done ;;
leaves) trap 'exit 1' INT; echo; while :; do sleep 0.05; done ;;
odd) printf 'a\\0b\\r\\n\\xff' ;;
esac
exit 3
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    """A product's telemetry, and a program called claude."""
    monkeypatch.setenv("AGENT_TELEMETRY_ALLOW_IN_TESTS", "1")
    agent = tmp_path / "claude"
    agent.write_text(AGENT)
    agent.chmod(0o755)
    product = Acme(tmp_path / "state")
    yield product
    product.telemetry.shutdown(0)


def claude(acme: Acme, what: str, lifecycle: Lifecycle | None = None, **options: Any) -> Harness:
    """A run of it whose output is read."""
    command = [str(acme.state_dir.parent / "claude"), "--output-format=stream-json", what]
    return Harness(lifecycle or acme.telemetry, command, task="job", read=True, **options)


ODD = json.dumps(SESSION).encode() + b"\na\0b\r\n\xff"
ENDED = ["session.started", "session.ended", "session.failure", "task.session_completed", "task.failed"]


def test_byte_for_byte(acme: Acme) -> None:
    """The caller gets what the program wrote, whatever it is, and the events say how it ended."""
    with claude(acme, "odd") as process:
        assert process.stdout is not None
        assert process.stdout.read() == ODD
    assert (process.returncode, acme.names[2:]) == (3, ENDED)


def test_byte_for_byte_with_asyncio(acme: Acme) -> None:
    """The same with asyncio."""

    async def main() -> tuple[bytes, int | None]:
        async with claude(acme, "odd") as process:
            assert process.stdout is not None
            output = await process.stdout.read()
        return output, process.returncode

    assert (asyncio.run(main()), acme.names[2:]) == ((ODD, 3), ENDED)


def test_text(acme: Acme) -> None:
    """The options of Popen hold: with ``text`` all pipes are of text, and ``communicate`` reads them."""
    with claude(acme, "x", text=True, stdin=-1, stderr=-1) as process:
        out, err = process.communicate("given")
    assert (json.loads(out), err) == (SESSION, "")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_caller_that_does_not_read(acme: Acme, *, is_async: bool) -> None:
    """More output than a pipe holds keeps nobody waiting where the caller does not read it, and is told of."""

    async def main() -> None:
        async with claude(acme, "much"):
            pass

    if is_async:
        asyncio.run(main())
    else:
        with claude(acme, "much"):
            pass
    assert acme.names[2:] == ENDED


@pytest.mark.parametrize("is_async", [False, True])
def test_a_signal_that_the_caller_sends(acme: Acme, *, is_async: bool) -> None:
    """A signal that the caller sends cancels the run, also where the exit code is that of any failure."""

    async def main() -> None:
        async with claude(acme, "leaves") as process:
            assert process.stdout is not None
            await process.stdout.readline()
            await process.stdout.readline()
            process.send_signal(signal.SIGINT)

    if is_async:
        asyncio.run(main())
    else:
        with claude(acme, "leaves") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
    assert acme.names[-1] == "task.cancelled"


def test_a_block_that_raises(acme: Acme) -> None:
    """Where the block raises, the program is stopped, the task was cancelled, and the exception passes."""
    started: list[Any] = []

    def work() -> None:
        with claude(acme, "waits") as process:
            assert process.stdout is not None
            started.extend((process, process.stdout.readline(), process.stdout.readline()))
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert (started[0].returncode, acme.names[-1]) == (143, "task.cancelled")


def test_a_program_that_is_not_there(acme: Acme) -> None:
    """What cannot be started raises as it does without us, and its task has failed."""
    (acme.state_dir.parent / "claude").unlink()
    with pytest.raises(FileNotFoundError), claude(acme, "x"):
        pass
    assert acme.names[-1] == "task.failed"


class BrokenLifecycle(Lifecycle):
    """Raises from every call."""

    def __getattribute__(self, name: str) -> Any:
        """Raise, but for what Python itself asks."""
        if name.startswith("__"):
            return super().__getattribute__(name)
        raise RuntimeError(name)


@pytest.mark.parametrize("lifecycle", [BrokenLifecycle(), Lifecycle()], ids=["broken", "off"])
def test_without_telemetry(acme: Acme, lifecycle: Lifecycle) -> None:
    """Where telemetry is off, or broken, the program runs and its output is read all the same."""
    if type(lifecycle) is Lifecycle:
        lifecycle.off = True
    with claude(acme, "odd", lifecycle) as process:
        assert process.stdout is not None
        assert process.stdout.read() == ODD
    assert (process.returncode, acme.names) == (3, [])


def test_any_other_command(acme: Acme) -> None:
    """Any other command just runs."""
    with Harness(acme.telemetry, ["printf", "x"], task="job", read=True) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"x"
    assert (process.returncode, acme.names) == (0, [])
