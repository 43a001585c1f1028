"""Children that leave by os._exit, and programs that a signal ends: their last events and spans are kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.lifecycle.acme import PRODUCT, stored
from tests.lifecycle.programs import allowed, environment, run, start
from tests.parts import absent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder import Recorder

METHODS = ["fork", "forkserver", "spawn"]
CHILDREN = """
import sys
from concurrent.futures import ProcessPoolExecutor

import multiprocessing
import otel_agent_telemetry as telemetry

telemetry.configure()


def child(number=0):
    with telemetry.session(agent="child"), telemetry.tool("x"):
        pass


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    if sys.argv[2] == "pool":
        with ProcessPoolExecutor(4, mp_context=context) as pool:
            list(pool.map(child, range(4)))
    else:
        children = [context.Process(target=child) for _ in range(4)]
        for each in children:
            each.start()
        for each in children:
            each.join()
"""


def run_file(folder: Path, text: str, *arguments: str, **variables: object) -> None:
    """Run a program from a file, which children that are not forked import again."""
    (folder / "program.py").write_text(text)
    command = [sys.executable, str(folder / "program.py"), *arguments]
    subprocess.run(command, check=True, env=environment(**allowed(folder / "state", **variables)), timeout=60)


def events(folder: Path) -> Counter[str]:
    """How many events of each name are kept."""
    return Counter(json.loads(body)["event"] for body in stored(folder))


@pytest.mark.parametrize("kind", ["process", "pool"])
@pytest.mark.parametrize("method", METHODS)
def test_children_of_multiprocessing(tmp_path: Path, method: str, kind: str) -> None:
    """However a child began, and though it leaves by os._exit, its events are kept to the last."""
    run_file(tmp_path, CHILDREN, method, kind)
    assert events(tmp_path / "state") == {"session.started": 4, "tool.called": 4, "session.ended": 4}


@pytest.mark.parametrize("method", METHODS)
def test_spans_of_children(tmp_path: Path, method: str, recorder: Recorder) -> None:
    """The operator's spans of such a child are with his collector."""
    run_file(
        tmp_path,
        CHILDREN,
        method,
        "process",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{recorder.url}/v1/traces",
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    assert sum(request.body.count(b"execute_tool") > 0 for request in recorder.requests) == 4


def test_children_of_billiard(tmp_path: Path) -> None:
    """A process of billiard's leaves by os._exit as well, and has the same hook."""
    if find_spec("billiard") is None:  # it comes with Celery
        absent("billiard", "pip install billiard")
    run_file(tmp_path, CHILDREN.replace("import multiprocessing", "import billiard as multiprocessing"), "fork", "")
    assert events(tmp_path / "state") == {"session.started": 4, "tool.called": 4, "session.ended": 4}


def test_a_child_of_billiard_alone(tmp_path: Path) -> None:
    """A program that takes nothing of billiard but its Process loads the hook no sooner than its child begins."""
    if find_spec("billiard") is None:
        absent("billiard", "pip install billiard")
    begun = CHILDREN.partition("if __name__")[0].replace("from concurrent.futures import ProcessPoolExecutor", "")
    begun = begun.replace("import multiprocessing", "from billiard import Process")
    run_file(tmp_path, f"{begun}\none = Process(target=child)\none.start()\none.join()\n")
    assert events(tmp_path / "state") == {"session.started": 1, "tool.called": 1, "session.ended": 1}


FINISHED = "pool.map(child, range(4)), pool.close(), pool.join()"


def test_a_pool_of_billiard(tmp_path: Path) -> None:
    """A pool ends its processes once they did so many jobs: what the last of them told is kept too."""
    if find_spec("billiard") is None:  # it comes with Celery
        absent("billiard", "pip install billiard")
    program = CHILDREN.replace("ProcessPoolExecutor(4, mp_context=context)", "context.Pool(2, maxtasksperchild=2)")
    program = program.replace("import multiprocessing", "import billiard as multiprocessing")
    run_file(tmp_path, program.replace("list(pool.map(child, range(4)))", FINISHED), "fork", "pool")
    assert events(tmp_path / "state") == {"session.started": 4, "tool.called": 4, "session.ended": 4}


FORKED_IN_A_STEP = """
    import multiprocessing, os, threading, warnings
    import otel_agent_telemetry as telemetry
    from otel_agent_telemetry.pipeline.sending._database import LedgerFile

    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: that is the test
    begun = threading.Event()

    def count(connection):
        begun.set()
        numbers = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000000)"
        connection.execute(f"{numbers} SELECT count(*) FROM n").fetchone()

    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=1)
    telemetry.flush(5)
    threading.Thread(target=LedgerFile(None).run, args=(count,), daemon=True).start()
    begun.wait()
    context = multiprocessing.get_context("fork")
    child = context.Process(target=telemetry.server_shutdown, kwargs={"sessions_processed": 2})
    child.start()
    child.join(30)
    print(child.exitcode, flush=True)
    os._exit(0)
"""


def test_a_child_forked_in_the_middle_of_a_step(tmp_path: Path) -> None:
    """SQLite's own locks may be held in it for ever: it does without SQLite, and loses nothing."""
    with start(FORKED_IN_A_STEP, variables=allowed(tmp_path)) as process:
        assert process.communicate(timeout=60)[0] == "0\n"
    assert events(tmp_path)["server.shutdown"] == 2


FORKED_IN_AN_IMPORT = """
    import multiprocessing, sys, time, warnings
    import otel_agent_telemetry as telemetry

    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: that is the test

    class SlowDisk:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("otel_agent_telemetry.pipeline.sending."):
                time.sleep(0.3)

    sys.meta_path.insert(0, SlowDisk())
    telemetry.configure()
    telemetry.server_shutdown(sessions_processed=1)
    while "otel_agent_telemetry.pipeline.outlet" not in sys.modules:
        time.sleep(0.001)
    context = multiprocessing.get_context("fork")
    child = context.Process(target=telemetry.server_shutdown, kwargs={"sessions_processed": 2})
    child.start()
    child.join(30)
    print(child.exitcode, flush=True)
"""


def test_a_child_forked_while_modules_are_imported(tmp_path: Path) -> None:
    """The fork waits for the import, however slow, as the child could never have it."""
    with start(FORKED_IN_AN_IMPORT, variables=allowed(tmp_path)) as process:
        assert process.communicate(timeout=60)[0] == "0\n"
    assert events(tmp_path)["server.shutdown"] == 2


TASKS = """
import os
import celery
import otel_agent_telemetry as telemetry

telemetry.configure()
for folder in ("messages", "control", "results"):
    os.makedirs(folder, exist_ok=True)
options = {"data_folder_in": "messages", "data_folder_out": "messages", "control_folder": "control"}
options["polling_interval"] = 0.05
backend = "file://" + os.path.abspath("results")
app = celery.Celery("tasks", broker="filesystem://", broker_transport_options=options, backend=backend)


@app.task(name="job")
def job():
    with telemetry.task("job", source="api"):
        pass


if __name__ == "__main__":
    [each.get(timeout=60) for each in [job.delay() for _ in range(30)]]
"""


def test_celery_with_short_lives(tmp_path: Path) -> None:
    """A prefork worker whose processes end after ten tasks each, not instrumented: every task is told of."""
    if find_spec("celery") is None:
        absent("celery", "pip install celery")
    (tmp_path / "tasks.py").write_text(TASKS)
    options = ("--concurrency", "2", "--max-tasks-per-child", "10", "--loglevel", "error")
    variables = environment(**allowed(tmp_path / "state"))
    command = [sys.executable, "-m", "celery", "--app", "tasks", "worker", *options]
    with subprocess.Popen(command, env=variables, cwd=tmp_path, stdout=subprocess.DEVNULL) as worker:
        off = {**variables, "ANONYMIZED_TELEMETRY": "false"}
        subprocess.run([sys.executable, "tasks.py"], env=off, cwd=tmp_path, timeout=90, check=True)
        worker.terminate()
        assert worker.wait(30) == 0
    assert events(tmp_path / "state") == {"task.created": 30, "task.started": 30, "task.completed": 30}


def test_no_multiprocessing_of_ours(tmp_path: Path) -> None:
    """A program that uses neither library has neither loaded by us."""
    program = """
        import sys
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        telemetry.server_started()
        telemetry.flush(0)
        print([name for name in ("multiprocessing", "billiard") if name in sys.modules])
    """
    plain = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}  # coverage itself uses one of them
    assert run(program, variables=allowed(tmp_path, **plain)) == "[]\n"


COUNTS = """
    import time
    import otel_agent_telemetry as telemetry

    telemetry.configure()
    session = telemetry.session(id="s").start()
    for _ in range(2):
        telemetry.record_tokens("gpt-5.2", input=3, output=4)
    print("told", flush=True)
    time.sleep(60)
"""


def test_a_signal_ends_the_program(tmp_path: Path, recorder: Recorder) -> None:
    """What was told before a signal, tokens too, goes out with the next run, though that has nothing to tell."""
    with start(COUNTS, variables=allowed(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "told\n"
        ledger = Ledger(ledger_file(str(tmp_path), PRODUCT))
        while [entry.state for entry in ledger.events()] != ["pending", "counting"]:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    program = """
        import otel_agent_telemetry as telemetry

        telemetry.configure()
        input()
    """
    variables = allowed(tmp_path, AGENT_TELEMETRY_ENDPOINT=recorder.url)
    with start(program, variables=variables) as following:
        bodies = [request.json() for request in recorder.wait(2)]
        following.communicate("\n")
    assert [body["event"] for body in bodies] == ["session.started", "token.usage"]
    assert (bodies[1]["properties"]["inputTokens"], bodies[1]["properties"]["modelCalls"]) == (6, 2)


def test_counts_are_told_once(tmp_path: Path) -> None:
    """Counts that stood in the ledger while they grew are one event in the end."""
    program = """
        import time
        import otel_agent_telemetry as telemetry
        from otel_agent_telemetry._runtime import event_stream

        telemetry.configure()
        for _ in range(3):
            telemetry.record_tokens("gpt-5.2", input=3)
            event_stream().drain()
    """
    run(program, variables=allowed(tmp_path))
    assert [json.loads(body)["properties"]["inputTokens"] for body in stored(tmp_path)] == [9]
