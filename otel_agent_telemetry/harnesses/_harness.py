"""One run of a coding agent, as the process that starts it sees it."""

from __future__ import annotations

import contextvars
import os
import time
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry import _losses
from otel_agent_telemetry import semconv as names
from otel_agent_telemetry.harnesses._outcome import outcome_of
from otel_agent_telemetry.harnesses._recognise import recognise
from otel_agent_telemetry.harnesses._switches import prepare, prints_lines
from otel_agent_telemetry.harnesses._told import Told
from otel_agent_telemetry.harnesses._watched import UNDER_WAY
from otel_agent_telemetry.harnesses._where import where_to
from otel_agent_telemetry.harnesses.readers import READERS, Lines
from otel_agent_telemetry.lifecycle import Handle

if TYPE_CHECKING:
    import asyncio.subprocess
    import subprocess
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from otel_agent_telemetry.harnesses._async import AsyncRun
    from otel_agent_telemetry.harnesses._known import Known
    from otel_agent_telemetry.harnesses._outcome import Outcome
    from otel_agent_telemetry.harnesses._sync import SyncRun
    from otel_agent_telemetry.lifecycle import Lifecycle

__all__ = ["Harness"]

_RESUMES = frozenset({"resume", "--resume", "--continue", "-r"})


class Harness:
    """A coding agent's command line, ready to be started, and what is told of its run.

    ``with`` and ``async with`` start it and give the process, a :class:`subprocess.Popen` or an
    :class:`asyncio.subprocess.Process`; at the end of the block they wait for it, and stop it where the block raised.
    Whoever starts processes in a way of his own calls :meth:`begin`, uses ``command`` and ``environment``, and says
    with :meth:`end` how it ended. A command that is not known runs as it is, and nothing is told of it.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        command: Sequence[str | os.PathLike[str]],
        *,
        task: str | Mapping[str, str] | None = None,
        read: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        given = [os.fspath(word) for word in command]
        self._lifecycle = lifecycle
        self._task = task
        self._options = {**options, "cwd": cwd}
        self._handle: Handle | None = None
        self._lines: Lines | None = None
        self._told: Told | None = None
        self._context = contextvars.Context()
        self._began_ns = 0
        self._is_over = False
        self._stopped_by: str | None = None
        self._run: SyncRun | AsyncRun | None = None
        self.remarks: list[str] = []
        self.command = given
        self.environment: dict[str, str] = {**(os.environ if env is None else env)}
        self.known: Known | None = None
        self.pipes = read
        self.reads = False
        try:
            self._prepare("." if cwd is None else os.fspath(cwd))
        except Exception:  # noqa: BLE001 - telemetry never raises into the host: then it is any other command
            _losses.count("instrumentation_error")

    def _prepare(self, folder: str) -> None:
        found = None if UNDER_WAY.get() or self._lifecycle.off else recognise(self.command, self.environment)
        if found is None:
            return
        reads = self.pipes and prints_lines(found, self.command)
        ready = prepare(found, self.command, self.environment, where_to(self.environment), os.path.abspath(folder))
        self.command, self.environment, self.reads = ready.command, ready.environment, reads
        self.remarks = [] if reads and found.known.silent else ready.remarks
        self.known = found.known

    @property
    def name(self) -> str | None:
        """Which coding agent it is, ``claude`` say; None for any other command."""
        return None if self.known is None else self.known.name

    def begin(self) -> Harness:
        """It is about to be started: its task begins, and its environment gets the trace that it belongs to."""
        self._began_ns = time.time_ns()
        if self.known is not None:
            try:
                self._tell_begin(self.known)
            except Exception:  # noqa: BLE001 - as above
                _losses.count("instrumentation_error")
                self.known = None
        return self

    def _tell_begin(self, known: Known) -> None:
        self._context = contextvars.copy_context()
        if self._task is not None:
            self._handle = self._context.run(self._new_task(self._task).start)
        self.environment = self._context.run(self._lifecycle.child_environment, self.environment)
        if self.reads:
            self._told = Told(self._lifecycle, known, self._begin_session, self._began_ns)
            self._told.resumes = any(word in _RESUMES for word in self.command)
            self._lines = Lines(READERS[known.name](), self._told)
        else:
            self._track("session.started", harnessProvider=known.name)

    def feed(self, data: bytes) -> None:
        """A piece of its standard output, in order."""
        if self._lines is not None and not self._is_over:
            self._lines.feed(data)

    def stopped(self, by: str) -> None:
        """It was sent that signal, ``SIGTERM`` say."""
        self._stopped_by = self._stopped_by or by

    def end(self, returncode: int) -> Outcome | None:
        """It has ended, with a code as :mod:`subprocess` gives it; how, or None where nothing is told of it."""
        if self.known is None or self._is_over:
            return None
        try:
            return self._tell_end(returncode)
        except Exception:  # noqa: BLE001 - telemetry never raises into the host
            _losses.count("instrumentation_error")
            return None
        finally:
            self._is_over = True

    def _tell_end(self, returncode: int) -> Outcome | None:
        if self.known is None:
            return None
        if self._lines is not None:
            self._lines.close()
        told = self._told
        last = (None, None) if told is None else (told.ending, told.error)
        outcome = outcome_of(self.known, returncode, stopped_by=self._stopped_by, said=last[0], error=last[1])
        if told is not None and told.session_handle is not None:
            told.close(outcome.outcome, outcome.error, outcome.code)
        else:
            self._tell_unread(outcome)
        if (handle := self._handle) is not None:
            handle.set(exit_code=outcome.code)
            self._context.run(lambda: handle.end(outcome.error, outcome=outcome.outcome))
        return outcome

    def _tell_unread(self, outcome: Outcome) -> None:
        """What is known of a run whose output nobody read, or that ended before it said which session it is."""
        provider = self.name
        milliseconds = max(time.time_ns() - self._began_ns, 0) // 1_000_000
        if self.reads:
            self._track("session.started", harnessProvider=provider)
        if outcome.outcome == names.OUTCOME_ERROR:
            self._track("session.failure", errorType=outcome.error, provider=provider, durationMs=milliseconds)
        task = self._handle or self._context.run(self._lifecycle.current_task)
        if task is not None:
            self._track(
                "task.session_completed",
                taskId=task.id,
                provider=provider,
                exitCode=outcome.code,
                isError=outcome.outcome != names.OUTCOME_OK,
                durationMs=milliseconds,
            )

    def _track(self, event: str, **properties: Any) -> None:
        self._context.copy().run(lambda: self._lifecycle.track(event, **properties))

    def _begin_session(self, session: Handle) -> Handle:
        return self._context.copy().run(lambda: session.start(make_current=False, at=self._began_ns))

    def _new_task(self, task: str | Mapping[str, str]) -> Handle:
        given: dict[str, object] = {"harness_provider": self.name, "agent": None, "agent_id": None}
        if isinstance(task, str):
            given |= {"name": task, "created": True}
        else:
            given |= {"name": None, "carrier": task, "claimed": False}
        return Handle(self._lifecycle, names.LIFECYCLE_TASK, given)

    def __enter__(self) -> subprocess.Popen[Any]:
        from otel_agent_telemetry.harnesses._sync import SyncRun

        run = self._run = SyncRun(self, self._options)
        return run.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from otel_agent_telemetry.harnesses._sync import SyncRun

        if isinstance(self._run, SyncRun):
            self._run.leave(stop=error is not None)

    async def __aenter__(self) -> asyncio.subprocess.Process:
        from otel_agent_telemetry.harnesses._async import AsyncRun

        run = self._run = AsyncRun(self, self._options)
        return await run.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from otel_agent_telemetry.harnesses._async import AsyncRun

        if isinstance(self._run, AsyncRun):
            await self._run.leave(stop=error is not None)
